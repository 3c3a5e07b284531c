"""More ways in which filings tell a figure: lists of years, two measures in one sentence, asides.

These frames join the grammars of ``frames.py`` (the same slots and rules); a frame stands on a
line. Further slots: ``$u`` the value of the year ``$a``, two years before ``$p``; ``$o`` another
measure, whose value is ``$w``.
"""

from __future__ import annotations


def _frames(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines() if line.strip()]


LEVEL = _frames("""
$m ran at $v {in} $p
$m came to a total of {about} $v {in} $p
$m averaged {about} $v {in} $p
$m remained at $v {in} $p
$m finished $p at {about} $v
$m closed $p at $v
$m ended the year at $v ( $p )
$m hit {about} $v {in} $p
$m held steady at $v {in} $p
$m approximated $v {in} $p
$m represented {about} $v {in} $p
$m accounted for {about} $v {in} $p
$m consisted of $v {at} $p
$m is shown at $v {at} $p
$m , net , {was} $v {in} $p
$m , before adjustments , {was} {about} $v {in} $p
$m ( net of reserves ) {was} $v {at} $p
$m ( see glossary ) for $p : $v
$m as defined in our agreements {was} $v {in} $p
$m attributable to $e {was} $v {in} $p
$m , including {segment} , totaled $v {in} $p
$m , excluding {segment} , totaled $v {in} $p
$m , which {mgmt} monitors closely , {was} {about} $v {in} $p
$m , a measure of our performance , {was} $v {in} $p
$m related to {segment} was $x ; in total it {was} $v {in} $p
$m {was} $v {in} $p , $y of it from {segment}
$m {was} $v {in} $p , well within the limit of $x
$m {was} $v {in} $p , short of the $x we had budgeted
$m {was} $v {in} $p , ahead of our target of $x
$m {was} $v {in} $p ( target : $x )
$m {was} $v {in} $p {due} , and $x of this was non-recurring
$m {was} {about} $v {in} $p , {due}
$m {was} $v {in} $p and is expected to grow
$m {was} $v for the full year $p and $x for the {quarter}
$m {was} $x in the {quarter} of $p and $v for the whole of $p
$m grew $y year over year and {was} $v {in} $p
$m shrank by $y , to {about} $v {in} $p
$m nearly doubled to $v {in} $p
$m more than doubled , reaching {about} $v {in} $p
$m was flat at $v {in} $p
$m was little changed {in} $p , at {about} $v
$m was up $y {in} $p , to $v
$m was down by $y {in} $p , at $v
$m saw a $y change {in} $p and ended at $v
$m improved by $x {in} $p and now stands at $v
$m moved up $x , to {about} $v , {in} $p
$m was lower by $x and came in at $v {in} $p
{in} $p , we saw $m of {about} $v
{in} $p , we paid $v in $m
{in} $p , $e incurred {about} $v of $m
{in} $p , $e recognized $m totaling $v
{in} $p , there was {about} $v of $m
{in} $p , $v was reported as $m
{in} $p , a total of $v was recorded for $m
{in} $p , $g $m came in at $v , {due}
{in} $p , and for the first time , $m exceeded $x : it {was} $v
{at} $p , we had $v in $m
{at} $p , $e had {about} $v of $m outstanding
{at} $p , $m amounted to {about} $v , $x of which falls due within a year
{at} $p , our records show $m of $v
{at} $p , the balance of $m {was} $v
the balance of $m {was} $v {at} $p
the amount of $m {was} {about} $v {in} $p
the level of $m {was} $v {at} $p
the total for $m {in} $p {was} $v
total $m for the year ended $p {was} {about} $v
aggregate $m {was} $v {in} $p
reported $m {was} $v {in} $p
annual $m {was} {about} $v {in} $p
for the year , $m {was} $v ( $p )
for the twelve months ended $p , $m {was} {about} $v
for the period ended $p , $e recorded $v of $m
as at $p , $m {was} $v
as of the balance sheet date , $p , $m {was} $v
as stated in note $k , $m {was} $v {in} $p
as shown in the table below , $m {in} $p {was} $v
included in the results for $p is $m of {about} $v
included in other items {in} $p was $v of $m
reflected in $p is $m of $v
results for $p include $m of $v
our accounts for $p carry {about} $v of $m
our statements show $m of $v {in} $p
on our books , $m stood at {about} $v {at} $p
it is estimated that $m {was} {about} $v {in} $p
we estimate that $m {was} $v {in} $p
we believe $m of $v {in} $p is sufficient
we ended $p with {about} $v in $m
we entered the year after $p with $m of $v
we recorded {about} $v as $m {in} $p
we reported $v for $m {in} $p , {due}
we incurred $m of $v {in} $p , mostly in the {quarter}
we had {about} $v worth of $m {at} $p
management estimates $m at {about} $v {at} $p
$e posted $v in $m {in} $p
$e booked {about} $v of $m {in} $p , {due}
$e reported a figure of $v for $m {in} $p
$e carried $m of $v {at} $p
$e showed $m of {about} $v {at} $p
$e , which reports $m once a year , gave {about} $v for $p
$e put its $m for $p at $v
$e 's books show {about} $v of $m {at} $p
$e finished with $m of $v {in} $p
$e is reporting $m of $v for $p
$e generated $v of $m {in} $p , or $y of the group 's total
of $x in all , $v was $m {in} $p
with {about} $v , $m set a record {in} $p
at $v , $m {in} $p was the highest in $k years
a total of $v in $m was reported {in} $p
a figure of {about} $v was given for $m {in} $p
{about} $v of $m was recorded {in} $p
{about} $v was spent on or booked as $m {in} $p
$v in $m {was} what $e had {at} $p
$v : that was $g $m {in} $p
measured at $p , $m {was} {about} $v
compared with a plan of $x , $m {was} $v {in} $p
against a budget of $x , $m came to {about} $v {in} $p
although we had expected $x , $m {was} $v {in} $p
because $x was deferred , $m {was} only $v {in} $p
despite a change of $y in prices , $m {was} $v {in} $p
if $x is left out , $m {was} $v {in} $p
net of $x , $m {was} {about} $v {in} $p
while peers averaged $x , our $m {was} $v {in} $p
whereas the industry saw $y , $g $m {was} $v {in} $p
""")

PAIR = _frames("""
$m {was} $v {in} $p versus $w {in} $b
$m {was} $v for $p against $w for $b
$m {was} {about} $v {at} $p compared to {about} $w {at} $b
$m {was} $v {at} $p ( $b : $w )
$m {was} $v {in} $p ( $b - $w )
$m {was} $v {in} $p , $w a year before ( $b )
$m {was} $v {in} $p , while {in} $b it {was} $w
$m {was} $v {in} $p , whereas it {was} $w {in} $b
$m {was} $v {in} $p ; the figure for $b {was} $w
$m {was} $v {in} $p ; for $b , $w
$m {was} $v {in} $p , after having been {about} $w {in} $b
$m {was} $v {in} $p , from {about} $w {in} $b
$m {was} $v {in} $p , $y more or less than the $w of $b
$m {was} $v {in} $p , a change of $x over $b , when it {was} $w
$m {was} $v {in} $p , the change from $w {in} $b being {due}
$m {was} $v {in} $p and {about} $w {in} $b , {due}
$m {was} $w {in} $b and $v {in} $p
$m {was} $w {in} $b , and {in} $p it {was} $v
$m {was} $w {in} $b but $v {in} $p
$m {was} $w {in} $b before reaching $v {in} $p
$m {was} $w {in} $b ; one year later , {in} $p , it {was} $v
$m went from $w {in} $b to $v {in} $p
$m went from $w to $v between $b and $p
$m passed from {about} $w {in} $b to {about} $v {in} $p
$m changed from $w {at} $b to $v {at} $p
$m improved to $v {in} $p from $w {in} $b
$m improved from $w {in} $b to {about} $v {in} $p , {due}
$m worsened to $v {in} $p , having stood at $w {in} $b
$m expanded from $w to $v in the year to $p
$m contracted to $v {in} $p after $w {in} $b
$m rose or fell to $v ( $p ) from $w ( $b )
$m moved to $v {in} $p , against {about} $w {in} $b
$m doubled from $w {in} $b to $v {in} $p
$m fell by $y {in} $p to $v ( $b : $w )
$m fell $x , from $w {in} $b , to $v {in} $p
$m grew $y : from $w {in} $b to $v {in} $p
$m grew by $y to {about} $v {in} $p compared with $w {in} $b
$m gained $x to reach $v {in} $p ; $b had seen $w
$m increased $x , or $y , to $v {in} $p from $w {in} $b
$m increased $x , or $y , from $w {in} $b to $v {in} $p
$m decreased $x , or $y , to $v {in} $p compared to $w {in} $b
$m decreased by $x to $v for $p , as compared to $w for $b
$m of $v {in} $p compares to $w {in} $b
$m of $v {in} $p was $x above the $w of $b
$m of {about} $v {in} $p follows $w {in} $b
$m of $w {in} $b grew into $v {in} $p
$m for $p was $v , and for $b $w
$m for $p of $v exceeded or missed that of $b , $w
$m for $p and $b : $v ; $w
$m for the years $p and $b {was} $v and $w , respectively
$m for the years $b and $p {was} $w and $v , respectively
$m in $p and $b {was} approximately $v and $w
$m in $b and $p {was} approximately $w and $v , respectively
$m at $p and $b totaled {about} $v and {about} $w , respectively
$m was {about} $v and $w as of $p and $b , respectively
$m was $w and $v as of $b and $p , respectively
$m was , respectively , $v and $w {in} $p and $b
$m - $p $v ; $b $w
$m | $v | $w ( columns $p , $b )
$m $v $w ( $p and $b )
$p : $m $v ; $b : $m $w
$p / $b : $m $v / $w
$v ( $p ) and $w ( $b ) of $m
$v {in} $p against $w {in} $b : that is how $m developed
$v of $m {in} $p compares with $w {in} $b
$v in $m was recorded {in} $p and $w {in} $b
$v and $w were recorded as $m {in} $p and $b , respectively
{about} $v and $w of $m was recognized {in} $p and $b , respectively
{in} $p and $b , $m {was} $v and $w , respectively
{in} $p and {in} $b , $g $m totaled {about} $v and {about} $w
{in} $b and $p , respectively , we {reported} $m of $w and $v
{in} $b we {reported} $m of $w ; {in} $p , of $v
{in} $b , $m {was} {about} $w , which became $v {in} $p
{in} $b , $e {reported} $w of $m , and {in} $p $v
{in} $p , $m rose by $x from the $w {reported} {in} $b , to $v
{in} $p , $m {was} $v , a change from $b of $x ( $w )
{in} $p , we {reported} $v in $m , whereas the prior figure , for $b , was $w
{in} $p $e had $m of $v , $y up on the $w of $b
{in} both years $m was high : $v {in} $p , $w {in} $b
{at} $p , $m {was} $v , a move from $w {at} $b
{at} $p and $b , we had {about} $v and $w of $m , respectively
{at} $b $m stood at $w and {at} $p at $v
as of $p , we had $m of $v , as against $w as of $b
as of $b and $p , $m was $w and $v
for the years ended $p and $b , $m was $v and $w
for the years ended $p and $b , we recorded $m of $v and $w , respectively
for the years ended $b and $p , $e incurred $w and $v of $m , respectively
during $p and $b , $e paid $v and $w , respectively , in $m
during $p , $e recorded $v of $m ( $w during $b )
over the year to $p , $m went to $v from $w
year over year , $m went from $w to $v ( $p )
compared to $w {in} $b , $m {was} {about} $v {in} $p
versus $w {in} $b , $m {in} $p amounted to $v
instead of the $w {reported} {in} $b , $m {in} $p {was} $v
relative to $b ( $w ) , $m {in} $p ( $v ) {rose} by $y
up or down from $w {in} $b , $m finished $p at $v
having {reported} $w of $m {in} $b , $e {reported} $v {in} $p
having stood at $w {in} $b , $m {was} $v {in} $p
not counting $x , $m {was} $v {in} $p and $w {in} $b
if the $w of $b is taken as the base , $m of $v {in} $p is a change of $y
$e {reported} $v in $m {in} $p , versus $w {in} $b
$e {reported} $m of $w {in} $b and of $v {in} $p
$e had $m of {about} $w {in} $b , and of {about} $v {in} $p
$e took $m from $w {in} $b to $v {in} $p
$e saw $m {rose} from $w {in} $b to $v {in} $p
$g $m {rose} to {about} $v {in} $p ; {in} $b it had been $w
$g $m {was} $v {in} $p , which compares with $w {in} $b
$g $m {in} $b {was} $w , and {in} $p it {rose} to $v
our $m {rose} $y {in} $p . it {was} $v , after $w {in} $b
we recorded $m of $v {in} $p and of $w {in} $b
we recorded $v of $m for $p compared to $w for $b , {due}
we had {about} $w of $m {at} $b ; {at} $p we had $v
the increase or decrease in $m from $w {in} $b to $v {in} $p was {due}
the change in $m , from $w {in} $b to $v {in} $p , reflects {segment}
the growth of $m to $v {in} $p from $w {in} $b is mostly organic
the table shows $m of $v for $p and $w for $b
""")

TRIPLE = _frames("""
$m {was} $v , $w and $u {in} $p , $b and $a , respectively
$m for $p , $b and $a {was} $v , $w and $u , respectively
$m for the years ended $p , $b and $a {was} {about} $v , $w and $u , respectively
$m was $v in $p , $w in $b and $u in $a
$m was $v {in} $p , compared to $w {in} $b and $u {in} $a
$m was $u {in} $a , $w {in} $b and $v {in} $p
$m {was} $v in $p , against $w in $b and $u in $a
$m {was} $u in $a , rose to $w in $b and reached $v in $p
$m ( $p : $v ; $b : $w ; $a : $u )
$m : $v ( $p ) , $w ( $b ) , $u ( $a )
$m $p $v $b $w $a $u
$m $v $w $u ( $p , $b , $a )
$p $b $a $m $v $w $u
$a $b $p $m $u $w $v
in $p , $b and $a , $m {was} $v , $w and $u , respectively
in $p , $b and $a , $e {reported} $m of $v , $w and $u , respectively
in $a , $b and $p , $m {was} $u , $w and $v , respectively
during $p , $b and $a , we recorded $m of $v , $w , and $u , respectively
during the years ended $p , $b and $a , $e incurred $v , $w and $u of $m , respectively
for $p , $b and $a , we recognized $m of $v , $w and $u , respectively
for the years ended $p , $b , and $a , $m totaled $v , $w , and $u , respectively
for the years $p , $b and $a , $g $m {was} $v , $w and $u
as of $p , $b and $a , $m {was} {about} $v , {about} $w and {about} $u , respectively
$e {reported} $m of $v in $p , $w in $b , and $u in $a
$e recorded $v , $w and $u of $m in $p , $b and $a , respectively
we recorded $m of {about} $v , $w and $u for $p , $b and $a , respectively
we paid $v in $p , $w in $b and $u in $a in $m
we had $m of $v , $w and $u at $p , $b and $a
$v , $w and $u of $m was recognized in $p , $b and $a , respectively
$v in $p , $w in $b and $u in $a was $m
$g $m for fiscal $p , $b and $a {was} $v , $w and $u , respectively
total $m {was} approximately $v , $w , and $u for $p , $b , and $a , respectively
from $u in $a , $m went to $w in $b and $v in $p
after $u in $a and $w in $b , $m {was} $v in $p
$m has moved from $u ( $a ) over $w ( $b ) to $v ( $p )
$m rose in each of the last three years : $u in $a , $w in $b , $v in $p
three years of $m : $p $v , $b $w , $a $u
$m in $p ( $v ) , $b ( $w ) and $a ( $u ) was in line with plan
the $m was $v , $w and $u , respectively , in each of $p , $b and $a
$m at the end of $p , $b and $a {was} $v , $w and $u
while $m {was} $u in $a and $w in $b , it {was} $v in $p
$m of $v in $p compares with $w in $b and $u in $a
included in expenses for $p , $b and $a is $m of $v , $w and $u , respectively
""")

JOINT = _frames("""
$m {was} $v and $o $w {in} $p
$m {was} $v {in} $p , and $o {was} $w
$o {was} $w {in} $p , and $m {was} $v
$o {was} $w and $m $v {in} $p
$m and $o {was} $v and $w , respectively , {in} $p
$o and $m {was} $w and $v , respectively , {in} $p
$m and $o {in} $p : $v and $w
$o of $w and $m of $v were {reported} {in} $p
$m of $v and $o of $w were {reported} {in} $p
{in} $p , $e {reported} $m of $v and $o of $w
{in} $p , $e {reported} $o of $w and $m of $v
{in} $p , $m {was} {about} $v , while $o {was} $w
{in} $p , $o {was} {about} $w , while $m {was} $v
{in} $p $o was $w ; $m was $v
$m of $v , less $o of $w , explains the result for $p
$o of $w was offset by $m of $v {in} $p
$m of $v was partly offset by $o of $w {in} $p
$m , at $v , and $o , at $w , were both higher {in} $p
$o , at $w , and $m , at $v , were both lower {in} $p
$m ( $v ) and $o ( $w ) were the main items {in} $p
$o ( $w ) and $m ( $v ) were the main items {in} $p
besides $o of $w , $e had $m of $v {in} $p
besides $m of $v , $e had $o of $w {in} $p
with $o of $w , $m came to $v {in} $p
with $m of $v , $o came to $w {in} $p
although $o {was} $w , $m {was} $v {in} $p
although $m {was} $v , $o {was} $w {in} $p
$m {rose} to $v and $o to $w {in} $p
$o {rose} to $w and $m to $v {in} $p
$m rose $y to $v ; $o fell $y to $w ( $p )
$o rose $y to $w ; $m fell $y to $v ( $p )
as $o {rose} to $w , $m {rose} to $v {in} $p
as $m {rose} to $v , $o {rose} to $w {in} $p
we {reported} {about} $v of $m and {about} $w of $o {in} $p
we {reported} {about} $w of $o and {about} $v of $m {in} $p
$p : $m $v , $o $w
$p : $o $w , $m $v
$m $v ; $o $w ( $p )
$o $w ; $m $v ( $p )
key figures for $p are $m ( $v ) and $o ( $w )
key figures for $p are $o ( $w ) and $m ( $v )
$e {reported} $v for $m as well as $w for $o {in} $p
$e {reported} $w for $o as well as $v for $m {in} $p
both $m , $v , and $o , $w , changed {in} $p
not only $o ( $w ) but also $m ( $v ) grew {in} $p
$o came to $w . $m came to $v . both are for $p
$m came to $v . $o came to $w . both are for $p
results for $p include $o of $w , $m of $v and other items of $x
results for $p include $m of $v , $o of $w and other items of $x
""")

GUIDE = _frames("""
$m of {about} $v is our target for $p
$m of $v is forecast for $p
$m of {about} $v is anticipated {in} $p , {due}
$m is anticipated to be {about} $v {in} $p
$m is set to reach {about} $v {in} $p
$m is likely to come in at $v {in} $p
$m is seen at $v {in} $p
$m is guided at {about} $v for $p
$m is planned at $v for $p , after $x this year
$m is estimated to be {about} $v {in} $p
$m is budgeted at {about} $v {in} $p
$m is targeted at $v {in} $p
$m could reach $v {in} $p , {mgmt} said
$m will amount to {about} $v {in} $p
$m will total {about} $v {in} $p , by our estimate
$m will come to $v {in} $p if plans hold
$m will rise or fall to {about} $v {in} $p
$m will be in the neighborhood of $v {in} $p
$m {in} $p will approximate $v
$m {in} $p should approach $v
$m {in} $p should land near $v
$m for $p will likely total $v , {mgmt} believes
$m for $p : we guide to {about} $v
$m as guided for $p : {about} $v
$m outlook for $p : {about} $v
$m target for $p : $v
$m forecast for $p now $v , previously $x
we see $m of {about} $v {in} $p
we guide for $m of $v {in} $p
we guide to {about} $v of $m {in} $p
we intend to achieve $m of $v {in} $p
we look to $m of {about} $v {in} $p
we foresee $m of $v {in} $p
we assume $m of {about} $v {in} $p
we are planning for $m of $v {in} $p
we are targeting $m of {about} $v {in} $p
we are budgeting {about} $v for $m {in} $p
we are forecasting {about} $v in $m for $p
we have set $m of $v as the goal for $p
we have raised our $m outlook for $p to $v from $x
we have cut our $m outlook for $p from $x to $v
we continue to expect {about} $v of $m {in} $p
we reiterate our $p forecast of $v for $m
in $p , we expect {about} $v of $m
in $p we should see $m of $v
for $p , we are looking for $m of {about} $v
for $p , we project $v in $m
for $p , our guidance is $m of $v
for $p , {mgmt} has budgeted $m of {about} $v
for $p , the plan is $m of $v , against $x in the year now ended
for the year ahead , $p , $e sees $m of $v
for the coming period ( $p ) $m of {about} $v is expected
by $p , $m should be {about} $v
next on our agenda is $m of $v {in} $p
our expectation for $m {in} $p is {about} $v
our forecast for $p : {about} $v of $m
our goal for $p is $m of $v
our current estimate of $m {in} $p is $v
our best estimate of $p $m is {about} $v
the board has approved $m of {about} $v for $p
the company is guiding to $m of $v for $p
the company anticipates $p $m of {about} $v
the plan for $p foresees $v of $m
the outlook for $p is for $m of {about} $v
the guidance given for $p is $v of $m
$e guides to {about} $v in $m for $p
$e has told investors to expect $m of $v {in} $p
$e is aiming at $m of {about} $v {in} $p
$e is targeting {about} $v of $m {in} $p
$e set its $p target for $m at $v
$e lifted its $p view on $m to $v , from $x
$e stands by its forecast of $v in $m for $p
$e thinks $m will be about $v {in} $p
$e will see $m of {about} $v {in} $p , {mgmt} expects
after $x this year , we look for $m of $v {in} $p
assuming stable rates , $m {in} $p should be {about} $v
barring surprises , $m will be $v {in} $p
based on orders in hand , $m of {about} $v is likely {in} $p
""")

RANGE = _frames("""
$m {in} $p should be $v to $h
$m {in} $p is guided at $v to $h
$m {in} $p will range from $v to $h
$m {in} $p will be between $v and $h , {mgmt} expects
$m {in} $p is seen between $v and $h
$m for $p : between $v and $h
$m for $p : $v - $h
$m of $v to $h is planned for $p
$m of $v to $h is our outlook for $p
$m of between $v and $h is anticipated {in} $p
we anticipate $m of $v to $h {in} $p
we anticipate that $m will range between $v and $h {in} $p
we guide to $m of $v to $h {in} $p
we look for $m of between $v and $h {in} $p
we forecast $m in the range of $v to $h for $p
we see $p $m at $v to $h
our forecast for $p $m is $v to $h
our target range for $m {in} $p is $v to $h
our guidance for $m {in} $p : $v to $h , after $x this year
the board has budgeted $m of $v to $h for $p
the outlook for $m {in} $p is a range of $v to $h
the range for $m {in} $p is $v to $h
for $p , $m is estimated at $v to $h
for $p , $e guides to $m of between $v and $h
for $p , $m should total $v to $h , {mgmt} said
in $p , we expect to see $m of $v to $h
in $p , $m is likely to lie between $v and $h
$e targets $m of $v to $h {in} $p
$e projects that $m will be $v to $h {in} $p
$e raised its $p range for $m to $v to $h
$e now sees $m of $v to $h {in} $p , not $x
$e expects to report $m of $v to $h for $p
{mgmt} forecasts $m of $v to $h {in} $p
{mgmt} guides to a range of $v to $h for $p $m
between $v and $h of $m is expected {in} $p
depending on conditions , $m {in} $p may be $v to $h
""")

SPECIFIC: dict[str, list[str]] = {
    "employees": _frames("""
        {about} $v employees worked at $e {at} $p
        {about} $v men and women worked for us {at} $p
        {about} $v persons were in our employ {at} $p
        $e is an employer of {about} $v people ( $p )
        $e provided jobs for {about} $v people {in} $p
        $e had a staff of $v {at} $p
        $e had a payroll of {about} $v {at} $p , $x of them part-time
        $e kept {about} $v people on its payroll {in} $p
        the number of employees {was} $v {at} $p and $w {at} $b
        the number of people we employ rose to $v {in} $p from $w {in} $b
        the average number of employees {was} $v {in} $p ( $w {in} $b )
        the group employed $v people {at} $p , $x of them abroad
        full-time equivalents {was} $v {at} $p
        as of $p , {about} $v individuals were employed by $e
        as of $p , we and our subsidiaries employed {about} $v people
        of our {about} $v employees {at} $p , $x worked in manufacturing
        human capital : {about} $v employees {at} $p in $k countries
        after $x departures , the workforce counted $v {at} $p
        we had $v associates {at} $p , after $w {at} $b
        we reduced our headcount to $v {in} $p from $w {in} $b
        we hired $x people and finished $p with $v on staff
        our people numbered $v {at} $p
        our personnel count {was} $v {at} $p
        a workforce of {about} $v served our clients {in} $p
    """),
    "stores": _frames("""
        $e had $v stores open {at} $p
        $e had {about} $v points of sale {at} $p , $x of them franchised
        the number of stores {was} $v {at} $p and $w {at} $b
        the number of outlets in operation {at} $p {was} $v
        we ended $p with $v stores , after $x openings
        we opened $x and closed $k stores , which leaves $v {at} $p
        we traded from $v shops {at} $p
        we had $v locations in $k countries {at} $p
        our shops numbered $v {at} $p , up from $w {at} $b
        our footprint comprised $v stores {at} $p
        our chain grew by $x stores to $v {in} $p
        our banner flew over $v stores {at} $p
        store count : $v {at} $p
        net openings of $x lifted the estate to $v stores {at} $p
        a total of $v stores were trading {at} $p
        {at} $p , the estate consisted of $v stores
        {at} $p , $v stores carried the $e name
        as of $p , the company operated $v retail outlets
        from $w stores {at} $b we went to $v {at} $p
    """),
    "order backlog": _frames("""
        $g backlog totaled {about} $v {at} $p , of which $x is funded
        the backlog at $p amounted to {about} $v
        the value of unfilled orders {at} $p {was} $v
        the value of contracts not yet completed {was} {about} $v {at} $p
        the order book stood at $v {at} $p after intake of $x
        we closed $p with orders on hand of $v
        we carried {about} $v of unfilled orders into the year after $p
        we had firm orders of $v on our books {at} $p
        our backlog of orders {was} $v {at} $p , $y of it for delivery within a year
        our backlog , which includes only firm orders , {was} $v {at} $p
        orders booked but not shipped {was} {about} $v {at} $p
        orders yet to be delivered totaled $v {at} $p and $w {at} $b
        unfilled customer orders came to $v {at} $p
        {about} $v of contracted work remained to be done {at} $p
        total backlog was $v and $w {at} $p and $b , respectively
        book-to-bill was healthy and backlog ended $p at $v
        with new contracts of $x , backlog rose to $v {at} $p
    """),
    "customers": _frames("""
        $e counted {about} $v customers {at} $p
        $e sold to {about} $v customers {in} $p
        $e supplied {about} $v homes and businesses {in} $p as customers
        the customer count {was} $v {at} $p and $w {at} $b
        the number of clients we serve rose to {about} $v {in} $p
        the number of accounts with $e {was} $v {at} $p : all are customers
        we had {about} $v customers in $k countries {at} $p
        we billed {about} $v customers {in} $p
        we added $x customers , for a total of $v {at} $p
        our client list had $v names {at} $p
        our customers , $v {at} $p , range from start-ups to governments
        over the year $x customers joined us and there were $v {at} $p
        {about} $v users paid for our products {in} $p as customers
        {about} $v customers trusted $e {in} $p
        active customers totaled $v {at} $p
        customers : {about} $v ( $p ) ; $w ( $b )
        from $w customers {in} $b we grew to $v {in} $p
        more customers than ever , {about} $v , bought from us {in} $p
    """),
    "subscribers": _frames("""
        $e counted {about} $v subscribers {at} $p
        $e ended $p with {about} $v subscriptions
        $e had $v paying members {at} $p
        the number of subscribers {was} $v {at} $p and $w {at} $b
        the number of active subscriptions reached {about} $v {at} $p
        we had $v subscribers on annual plans and others {at} $p
        we lost $x subscribers and kept $v {at} $p
        we gained $x subscribers , bringing us to $v {at} $p
        our service had {about} $v subscribers {at} $p
        our paying audience numbered $v subscribers {at} $p
        total subscriptions {was} $v {at} $p
        subscriber numbers rose $y to $v {in} $p
        subscribers : $v {at} $p , $w {at} $b
        {about} $v people paid for a subscription {at} $p
        at last count , {at} $p , $e had $v subscribers
        with $x net additions , subscribers reached $v {in} $p
    """),
    "restructuring charge": _frames("""
        a charge of {about} $v for restructuring was booked {in} $p
        charges of $v for severance and exit costs were recognized {in} $p
        costs to restructure the business {was} $v {in} $p
        costs of the reorganization came to {about} $v {in} $p , $x of it in cash
        exit and disposal costs under the restructuring plan {was} $v {in} $p
        expenses for restructuring {was} $v and $w {in} $p and $b , respectively
        restructuring and related costs totaled {about} $v {in} $p
        restructuring expense {was} $v {in} $p , compared with $w {in} $b
        severance of {about} $v was charged to income {in} $p under the restructuring
        the realignment resulted in restructuring charges of $v {in} $p
        the closing of $k plants led to a restructuring charge of $v {in} $p
        the program led to $v of restructuring costs {in} $p and will save $x a year
        we charged {about} $v to income {in} $p for restructuring
        we incurred {about} $v {in} $p for severance , of which $x is unpaid
        we took restructuring charges of $v {in} $p
        $e booked {about} $v to restructure its operations {in} $p
        $e incurred restructuring expense of {about} $v {in} $p
        $p included a restructuring charge of $v
    """),
    "capital expenditure guidance": _frames("""
        capital spending is expected to be {about} $v {in} $p
        capital expenditures for $p should total {about} $v , after $x this year
        capital outlays of {about} $v are budgeted for $p
        capex should be {about} $v {in} $p
        capex will run at {about} $v {in} $p , {mgmt} expects
        investments in property and equipment of $v are planned for $p
        planned capital expenditures for $p amount to {about} $v
        spending on capital projects will be {about} $v {in} $p
        the capital plan for $p calls for $v
        the capital program for $p comes to $v to $h
        the budget for capital projects {in} $p is {about} $v
        we anticipate spending {about} $v on capital expenditures {in} $p
        we expect capital spending of $v to $h {in} $p
        we expect to invest {about} $v in new equipment {in} $p
        we intend to spend $v on capital projects {in} $p , of which $x is for maintenance
        we plan capital investments of {about} $v {in} $p
        our capital budget for $p is $v , compared with actual spending of $x {in} $b
        our estimate of capital expenditures {in} $p is $v
        $e expects to make capital expenditures of {about} $v {in} $p
        $e has earmarked $v for capital spending {in} $p
        $e will spend {about} $v on capital expenditures {in} $p
        {mgmt} budgets $v of capital expenditures for $p
    """),
    "revenue guidance": _frames("""
        net sales should be {about} $v {in} $p
        net sales are projected to reach $v {in} $p , after $x {in} $b
        revenue of {about} $v is our guidance for $p
        revenue should grow to {about} $v {in} $p from $x {in} $b
        revenue will be between $v and $h {in} $p
        revenue is forecast at $v to $h for $p
        sales for $p are expected to come in at $v
        sales are set to reach {about} $v {in} $p
        the company forecasts sales of {about} $v for $p
        the sales target for $p is $v
        we expect sales to be $v to $h {in} $p
        we expect to generate revenue of {about} $v {in} $p
        we see revenue at $v {in} $p , up from $x {in} $b
        we project revenue of {about} $v for $p
        we are confident of reaching revenue of $v {in} $p
        our top line should reach {about} $v {in} $p
        our sales forecast for $p stands at $v
        our revenue target for $p is {about} $v
        $e projects that sales will be $v {in} $p
        $e sees $p revenue of {about} $v
        $e predicts net sales of $v for $p , against $x {in} $b
        {mgmt} estimates $p revenue at {about} $v
    """),
    "patents": _frames("""
        $e owns {about} $v patents ( $p )
        $e was the holder of $v patents {at} $p
        $e had $v patents in force {at} $p and $x applications pending
        the number of patents we hold {was} $v {at} $p
        the patent portfolio numbered $v {at} $p and $w {at} $b
        the portfolio counted {about} $v issued patents {at} $p
        we had {about} $v patents in force {at} $p , expiring over $k years
        we held $v u.s. and foreign patents {at} $p
        we own {about} $v patents and license $x others ( $p )
        we filed for $x patents and held $v {at} $p
        our technology is covered by $v patents {at} $p
        our patents numbered {about} $v {at} $p , after $w {at} $b
        {about} $v patents were in our portfolio {at} $p
        granted patents totaled $v {at} $p
        as of $p , $v patents had been issued to us
        with $x new grants , our patents rose to $v {at} $p
    """),
    "churn rate": _frames("""
        churn ran at $v {in} $p
        churn averaged $v {in} $p and $w {in} $b
        churn edged up or down to $v {in} $p from $w {in} $b
        customer churn {was} $v {in} $p , a change of $x
        customer losses , or churn , {was} $v of the base {in} $p
        the rate of churn {was} $v {in} $p
        the share of customers who left {in} $p {was} $v
        the share of subscribers that cancelled {was} $v {in} $p and $w {in} $b
        the cancellation rate {was} $v {in} $p
        the attrition rate of our customers {was} $v {in} $p
        we saw churn of $v {in} $p
        we kept churn at $v {in} $p , while peers saw $x
        $e had a churn rate of $v {in} $p ( $b : $w )
        $v of accounts were closed {in} $p by their holders
        $v of our subscribers did not renew {in} $p
        subscriber turnover , or churn , {was} $v {in} $p
        some $v of the customers we had left us {in} $p
    """),
    "effective tax rate": _frames("""
        the effective rate of tax {was} $v {in} $p and $w {in} $b
        the effective tax rate for $p was $v , against $w for $b
        the effective tax rate rose or fell to $v {in} $p from $w {in} $b
        the effective income tax rate {was} $v {in} $p
        the group 's tax rate {was} $v {in} $p
        the tax charge equaled $v of pre-tax income {in} $p
        the tax rate of $v {in} $p differs from the statutory rate of $x
        our tax expense equaled an effective rate of $v {in} $p
        our effective rate , at $v , was below the statutory rate of $x {in} $p
        our effective tax rate for $p , $b and earlier years {was} close to $v
        taxes were provided at a rate of $v {in} $p
        we recorded tax at an effective rate of $v {in} $p
        we paid tax at an effective $v {in} $p
        $e had an effective tax rate of $v {in} $p
        $e reports an effective tax rate of $v for $p ( $b : $w )
        as a share of pre-tax income , taxes {was} $v {in} $p
        including one-off items of $x , the effective tax rate {was} $v {in} $p
    """),
    "litigation provision": _frames("""
        a litigation reserve of $v was carried {at} $p
        accruals for litigation {was} $v {at} $p and $w {at} $b
        an accrual of {about} $v for lawsuits was recorded {in} $p
        legal provisions {was} $v {at} $p , of which $x is current
        liabilities for legal claims totaled {about} $v {at} $p
        provisions for litigation {was} $v {at} $p
        reserves for pending claims {was} $v {at} $p , up from $w {at} $b
        the accrual for legal matters {was} {about} $v {at} $p
        the amount reserved for litigation {was} $v {at} $p
        the reserve for lawsuits stood at $v {at} $p after payments of $x
        we have accrued {about} $v for legal proceedings ( $p )
        we hold reserves of $v against legal claims ( $p )
        we made a provision of {about} $v for litigation {in} $p
        we provided $v for the settlement of lawsuits {in} $p
        $e accrued {about} $v for litigation {in} $p
        $e carried legal reserves of $v {at} $p
        $e recorded a provision of {about} $v {in} $p for claims against it
        lawsuits led us to set aside $v {in} $p
    """),
}

NOISE = _frames("""
$e changed its fiscal year end in $b
a discount rate of $y was assumed for the leases
about $k of our sites are owned
cash is held at $k banks , mostly in the united states
certain amounts for $b have been reclassified
each director received options on $x shares
in $p we completed the sale of {segment} for $x
inflation of about $y affected wages and freight
no single supplier accounted for more than $y of purchases
other items were not material in $p or $b
our fiscal year ends on the last day of september
our largest site has $x square feet
proceeds from the sale were $x
the average useful life is $k years
the board met $k times in $p
the charter was amended in $b
the dividend was held at $x per share
the interest rate on the term loan was $y at $p
the lease expires in $p and may be extended by $k years
the market grew by about $y in $p , by industry estimates
the pension plan assumes a return of $y
the remaining $x was paid in cash
the revolver allows borrowings of up to $x
the stock price ranged from $x to $x
the transaction is expected to close within $k months
unless noted otherwise , amounts are before tax
volumes changed by $y , prices by $y
we insure our plants for up to $x
we operate in $k countries and $k time zones
we review these estimates every {quarter}
{segment} contributed $y of the change
{mgmt} met with analysts $k times in $p
""")

TABLE = _frames("""
$r ( $s ; $p , $b )
$s , $p and $b : $r
consolidated data $s $p $b $r
items $s for $p and $b are $r
$e , $s : $p $b $r
excerpt ( $s ) . year : $p $b . $r
statement of income ( $s ) fiscal year $p $b $r
as reported , $s , fiscal $p and fiscal $b : $r
reconciliation $s ( $p , $b ) $r
other data ( $s ) $p $b $r
from note 7 , $s , $p $b $r
the table ( $s ) has columns $p and $b : $r
year $p year $b ( $s ) $r
fiscal years $p $b , $s , $r
""")
