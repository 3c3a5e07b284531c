"""What news desks say: verbs, nouns and idioms with a direction, and frames of their own.

Words here join the grammars of ``frames.py`` (same rules, same slots); a table's good and bad
halves mirror each other, so that neither topic nor syntax tells the label. Frames stand one a line.
"""

from __future__ import annotations


def _words(**rules: str) -> dict[str, list[str]]:
    """Rules of alternatives, parted by ``|``."""
    return {rule: [" ".join(t.split()) for t in texts.split("|")] for rule, texts in rules.items()}


def _frames(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines() if line.strip()]


# --- words with a polarity, for the rules of the polar grammars -----------------------------------

UP = _words(
    event="""bags orders worth $n | wins $n road project | gets order from railways | bags $n
    contract from navy | emerges lowest bidder for $n project | gets nod for $n plant | gets final
    approval for generic drug | gets fda nod for key pill | clears fda inspection | gets patent
    for new molecule | gets clean chit from regulator | settles case , shares jump | gets bail-out
    package | gets $n refund from tax department | wins tax case | wins arbitration award of $n |
    gets stay on tax demand | beats street on all counts | posts surprise profit | posts first
    profit in $k years | reports record sales | doubles profit on strong sales | sees profit soar
    | breaks even ahead of plan | turns cash positive | pares debt by $n | repays debt ahead of
    schedule | becomes debt free | slashes costs , margins widen | cuts net loss sharply | halves
    its loss | announces $n buyback | raises dividend by $n | declares bumper dividend | rewards
    holders with 1 : 1 bonus | doubles payout | hikes prices , margins to improve | raises
    guidance | lifts full-year view | ups profit forecast | reiterates strong growth target | gets
    rating upgrade from moody 's | outlook revised to positive by rating agency | attracts foreign
    funds | draws bids above $n | gets takeover offer at a premium | gets bid at $n premium |
    receives $n investment from global fund | raises stake in itself | promoters raise stake |
    founder buys more shares | adds $k million users | tops sales charts | regains top spot |
    gains market share | sells out new model in $k days | sees record bookings | fills order book
    for $k years | restarts plant | resumes dividend | ends dispute with union | resolves dispute
    with partner | averts strike | gets extension of contract | renews key contract | wins back
    key client | signs biggest deal ever | lands deal with carmaker | expands into new markets as
    demand soars | ramps up output to meet demand | to add $k thousand jobs | recovers dues worth
    $n | cuts bad loans | sees asset quality improve | upgraded after results | enters index | to
    join benchmark index | cleared of wrongdoing | survives rout | recoups losses | bounces off
    lows | snaps losing streak | extends winning run to $k days | crosses $n mark | market cap
    tops $n | becomes most valuable in {market} | adds $n to market value | investors richer by
    $n""",
    state="""is a screaming buy | is ripe for gains | has plenty in the tank | is the pick of the
    lot | looks set to shine | is gathering steam | is in fine fettle | is riding high | comes of
    age | is a multibagger in making | finds favour | is in demand | is a safe bet | is
    undervalued | is trading cheap | offers good value | has bottomed out | is out of the woods |
    is back in favour | keeps its shine | rules firm | remains a strong play | has legs | scores
    again | is on a high | bounces back | is on cruise control | fires up | clicks | wows the
    street | delights investors | silences critics | defies gravity | is past the worst | stands
    tall""",
    news="""value buying | fresh orders | upbeat management commentary | strong volumes |
    institutional buying | hopes of a deal | takeover interest | upgrade | positive trial data | a
    patent win | tax relief | duty cut | subsidy hopes | restructuring gains | debt reduction |
    debt recast hopes | lower crude prices | softer rates | festive demand | pent-up demand |
    price hikes | better realisations | good results | strong exports | rupee boost | reform hopes
    | fund infusion | stake buy by marquee investor | inclusion in index | approval for merger |
    easing supply | a big order | margin gains | cheaper raw materials | a strong pipeline |
    client wins | settlement of lawsuit | a court reprieve | bullish broker notes | better asset
    quality | a revival in demand | solid guidance | block deal at premium""",
    move="""bounces | bounces back | perks up | inches higher | is in the green | sizzles | hits
    upper circuit | roars | rockets | pops | takes off | powers ahead | marches on | vaults |
    ticks up | nudges higher | turns green | claws back losses | spikes up | revs up | flies high
    | makes gains | adds $n | notches up gains | ends firm | closes higher | opens firm | trades
    firm | races ahead | hits the roof | catches fire | glitters | shoots higher | picks up""",
    level="""a lifetime high | a fresh 52-week high | a $k-year high | a record close | a record
    peak | its best close in $k months | its highest level ever | an intraday high | a new
    milestone | day 's high""",
    good="""sparkling | buoyant | handsome | terrific | super | fine | steady and strong |
    cheerful | stunning | market-beating | bright | sound | firm | rich | booming | outstanding |
    above-estimate | sharp rise in | jump in | surge in | uptick in | growth in""",
    effect="""rejoices | cashes in | reaps rewards | breathes easy | heaves a sigh of relief |
    gets a leg-up | gets wings | gets a breather | gets a fillip | scores a win | rides the wave |
    has reason to smile | laughs all the way to the bank | is the big winner | draws strength""",
    drive="""gives wings to | fires up | fuels | gives a leg-up to | brightens | sweetens |
    energises | shores up | brings cheer to | perks up | revives | a boon for | augurs well for |
    adds shine to | puts life into | bodes well for | to aid | may help | gives fillip to | a shot
    in the arm for""",
    rate="""goes overweight on | raises target price of | ups rating on | gives thumbs up to |
    reiterates buy on | sees more upside in | sees value in | sees rally in | picks | adds to |
    bets big on | turns positive on | says buy | warms to | retains buy on | recommends buying |
    has outperform on | starts with buy on""",
    call="""go overweight on | see upside in | see value in | keep buying | load up on | stay
    invested in | stay long | stay put in | stay positive on | buy into | look to buy | one can
    buy | betting on | keen on | gung-ho on | top pick is | still love | grab | pick""",
    hope="""margins to expand | revenue to climb | a strong second half | recovery in volumes |
    orders to flow in | a breakout | stock to double | re-rating ahead | bigger payouts |
    double-digit growth | a better show | outperformance | profit to surge | order inflow to
    revive | debt to come down | losses to narrow | a sharp rally | $n upside""",
    off="""beats the blues | weathers the storm | shakes off weak cues | brushes aside worries |
    not losing sleep over tariffs | refuses to slow down | no let-up in growth | no sign of a
    slowdown | not slowing down | no more in the red | emerges from bankruptcy | exits insolvency
    | escapes rate hike pain | never looked better | pain fades | overcomes odds | loss not as big
    as feared | slump fears fade | past its troubles | defies sceptics | avoids default with
    last-minute deal | gets off lightly | debt worries ease | probe finds no wrongdoing | court
    throws out case against it | recall fears overblown""",
    people="""bulls return to | mutual funds lap up | hnis chase | fiis raise stake in | lic ups
    stake in | big bull buys | warren buffett buys | investors queue up for | everyone wants |
    retail investors rush to buy | brokers raise targets on | the street loves | dealmakers
    circle""",
)

DOWN = _words(
    event="""loses orders worth $n | loses $n road project | sees railways cancel order | sees $n
    contract with navy scrapped | drops out of race for $n project | denied nod for $n plant |
    gets rejection for generic drug | gets fda warning letter | fails fda inspection | loses
    patent for key molecule | pulled up by regulator | slapped with suit , shares drop | denied
    bail-out package | gets $n tax demand | loses tax case | ordered to pay $n in arbitration |
    gets showcause notice | misses street on all counts | posts surprise loss | posts first loss
    in $k years | reports sales slump | sees profit halve on weak sales | sees profit tank | burns
    through cash | runs out of cash | debt swells by $n | delays debt repayment | becomes a debt
    trap | costs soar , margins shrink | widens net loss sharply | doubles its loss | scraps $n
    buyback | cuts dividend by $n | skips dividend | snubs holders with deeply discounted rights
    issue | halves payout | cuts prices , margins to suffer | cuts guidance | trims full-year view
    | issues profit warning | abandons growth target | gets rating cut from moody 's | outlook
    revised to negative by rating agency | sees exodus of foreign funds | fails to draw bids |
    gets lowball offer at a discount | left without a bidder | sees $n pullout by global fund |
    promoters pledge more shares | promoters cut stake | founder sells shares | sheds $k million
    users | slips in sales charts | loses top spot | cedes market share | recalls new model after
    $k weeks | sees bookings dry up | sees order book run thin | shuts plant | omits dividend |
    faces row with union | falls out with partner | hit by strike | sees contract terminated |
    fails to renew key contract | loses key client | loses biggest deal ever | snubbed by carmaker
    | exits markets as demand slumps | cuts output as demand dries up | to axe $k thousand jobs |
    writes off dues worth $n | sees bad loans pile up | sees asset quality worsen | downgraded
    after results | exits index | to be dropped from benchmark index | found guilty of fraud |
    caught in rout | extends losses | sinks to lows | snaps winning streak | extends losing run to
    $k days | falls below $n mark | market cap slips below $n | loses crown in {market} | wiped of
    $n in market value | investors poorer by $n | faces insider trading probe | hit by cyber
    attack | hit by whistleblower complaint | under lens for accounting lapses | ceo arrested |
    auditor quits | faces ban on exports | fined for pollution | hit by flood""",
    state="""is a screaming sell | is ripe for a fall | is running on empty | is the worst of the
    lot | looks set to fade | is losing steam | is in poor shape | is lying low | loses its sheen
    | is a value trap | falls out of favour | is shunned | is a risky bet | is overvalued | is
    trading rich | offers poor value | is yet to bottom out | is deep in the woods | is out of
    favour | loses shine | rules weak | remains a weak play | is on its knees | stumbles again |
    is on the ropes | hits a bump | is on thin ice | sputters | falls flat | disappoints the
    street | upsets investors | proves critics right | hits a wall | is yet to see the worst |
    stands exposed | is in hot water | is in a mess | is in the dock""",
    news="""distress selling | order delays | cautious management commentary | weak volumes |
    institutional selling | deal doubts | takeover talks collapse | downgrade | negative trial
    data | a patent loss | tax raid | duty hike | subsidy cut | restructuring charges | debt
    overhang | debt recast fears | higher crude prices | rising rates | tepid festive demand |
    slump in demand | price cuts | poor realisations | bad results | weak exports | rupee slide |
    policy jitters | fund crunch | stake sale by top investor | exclusion from index | rejection
    of merger | supply snags | a lost order | margin squeeze | costlier raw materials | a thin
    pipeline | client losses | a new lawsuit | a court setback | bearish broker notes | worsening
    asset quality | a slide in demand | weak guidance | block deal at discount | short-seller
    report | governance worries | pledge worries | margin calls | growth fears""",
    move="""caves in | cracks | wilts | inches lower | is in the red | bleeds | hits lower circuit
    | nosedives | craters | flops | goes into free fall | drifts lower | reels | crumbles | ticks
    down | nudges lower | turns red | gives up gains | gaps down | sputters | nurses losses |
    loses ground | sheds $n | notches up losses | ends weak | closes lower | opens weak | trades
    weak | falls behind | hits the skids | catches cold | buckles | dives | wobbles | melts | goes
    downhill""",
    level="""a lifetime low | a fresh 52-week low | a $k-year low | a record low close | a new
    bottom | its worst close in $k months | its lowest level ever | an intraday low | a grim
    milestone | day 's low""",
    good="""miserable | gloomy | meagre | terrible | dreadful | patchy | unsteady and weak |
    cheerless | shocking | market-lagging | dull | shaky | feeble | thin | dire | abysmal |
    below-estimate | sharp fall in | plunge in | slump in | downtick in | decline in""",
    effect="""rues | pays the price | counts losses | feels the pinch | is left holding the baby |
    gets a rude shock | gets clipped | gets no breather | gets a setback | scores an own goal | is
    swept away | has reason to worry | cries foul | is the big loser | bears the brunt""",
    drive="""clips wings of | douses | chokes | deals a blow to | darkens | sours | saps | weakens
    | brings gloom to | rattles | cripples | a bane for | casts shadow on | takes shine off |
    sucks life out of | bodes ill for | to dent | may hurt | deals setback to | a body blow
    for""",
    rate="""goes underweight on | cuts target price of | lowers stance on | gives thumbs down to |
    reiterates sell on | sees more downside in | sees risk in | sees correction in | ditches |
    trims | bets against | turns negative on | says sell | cools on | retains sell on | recommends
    selling | has underperform on | starts with sell on""",
    call="""go underweight on | see downside in | see risk in | keep selling | unload | stay out
    of | stay short on | stay clear of | stay negative on | sell into rallies in | look to sell |
    one can sell | betting against | wary of | not gung-ho on | least liked is | no fan of | shun
    | drop""",
    hope="""margins to contract | revenue to drop | a weak second half | slump in volumes | orders
    to dry up | a breakdown | stock to halve | de-rating ahead | smaller payouts | double-digit
    decline | a worse show | underperformance | profit to plunge | order inflow to dry up | debt
    to go up | losses to widen | a sharp fall | $n downside""",
    off="""feels the blues | caught in the storm | fails to shake off weak cues | cannot brush
    aside worries | losing sleep over tariffs | starts to slow down | no let-up in losses | no
    sign of a recovery | not growing any more | no more in the black | heads for bankruptcy |
    dragged into insolvency | feels rate hike pain | never looked worse | gains fade | odds mount
    | profit not as big as hoped | recovery hopes fade | not past its troubles | fails to convince
    sceptics | misses payment despite last-minute talks | pays heavily | debt worries mount |
    probe finds wrongdoing | court refuses to throw out case against it | recall bigger than
    thought""",
    people="""bears return to | mutual funds dump | hnis exit | fiis cut stake in | lic trims
    stake in | big bull sells | warren buffett sells | investors queue up to exit | no one wants |
    retail investors rush to sell | brokers cut targets on | the street hates | short sellers
    circle""",
)

# --- frames of both polar grammars ----------------------------------------------------------------

MIRRORED = _frames("""
{event} : $x
$x {event} : sources
$x {event} , says {post}
breaking : $x {event}
$x {event} ; $who {rate} stock
$x {state} , {event}
{news} : what it means for $x , which {state}
as $x {event} , {people} stock
$x {event} even as $z flat
after $k quarters , $x {event}
$x stock {move} $n as it {event}
$x scrip {move} {when} ; company {event}
$x counter {move} on {news}
{people} $x as it {event}
{people} $x ; stock {move}
{people} $x , $who {adjective}
$who on $x : {outlook} outlook , {hope}
{outlook} outlook from $who for $x
{hope} : why $who {rate} $x
$who {rate} $x ; target $n
$who {rate} $x , cites {news}
{call} $x for a target of $n : $who
{call} $x with stop loss of $n
{call} $x on {news}
$who : {call} $x
$who : {call} $x , {hope}
{call} $x ahead of $q results : $who
$x : {call} , says $who
we {call} $x , says $who
time to {call} $x ? yes , says $who
$x {hope} , $who says
$x to see {hope} : $who
$x {off} in $q
$x {off} : $who
$x {off} ; {stock} {move}
$x {move} ; {news} cited
{news} to {drive} $x in $q : $who
{news} seen : will {drive} $x
$x {effect} as {news} {drive} {market}
$x {effect} : $who
$x {move} for $k days , {state}
$x {move} to {level} , {analyst} {adjective}
$x at {level}
$x at {level} {when}
$x near {level} on {news}
at {level} : $x
$x touches {level} on {news}
$x nears {level}
$x scales or sinks ? {level} it is
$x m-cap {moves} as stock {move} to {level}
$x {good} show in $q
{good} numbers from $x
{good} show by $x in $q
$x : {good} $q , {outlook} $q ahead
$x $q review : {good} {item}
$x $q {item} {grows} ; {burden} {eases}
$x $q : {burden} {eases} , {item} {grows}
$x $q {item} {grows} $n yoy to rs $n cr
$x $q net profit {grows} $n on {news}
$x consolidated {item} {grows} $n in $q
$x standalone {item} {grows} $n to $n
$x reports $n {item} as {item} {grows}
$x {item} {grows} {year} , {beat} estimates
$x {item} {grows} for $k straight quarters
{item} {grows} $n : $x
$x 's {area} {item} {grows}
$x {area} sales {grows} $n in {month}
$x {month} sales {grows} $n
$x {month} {item} {grows} $n to $k thousand units
{month} auto sales : $x {item} {grows} $n
{burden} of $x {eases} $n in $q
$x {burden} {eases} {year}
$x {burden} {eases} , {analyst} {adjective}
$x {beat} street estimates , {item} {grows} $n
$x {beat} estimates on {item}
$x {beat} forecast with {good} {item}
$x {raise} dividend
$x {raise} $q revenue guidance to $n
$x {raise} capex and sales target
$x {raise} growth outlook for $q
$x {raise} production target on {news}
rating agency {raise} $x outlook
moody 's {raise} rating of $x
$who {raise} target price of $x to $n
$who {raise} $x eps estimate on {news}
analysts {raise} estimates for $x after {good} $q
$x : most {adjective} brokers see {hope}
options traders {adjective} on $x
$x ceo sees {hope}
$x cfo : expect {hope}
$x chairman {adjective} , sees {hope}
$x management {adjective} on $q
$x {state} : chart check
charts say $x {state}
technical pick : $x {state}
$x stock {state} , do not ignore
$x : stock {state} , $n target
$x {outrun} {market} for $k months
$x {outrun} nifty , {moving} $n {year}
$x {outrun} $z
{fate} of the day : $x
{fate} : $x {move} $n
$x , $z among {fate}s
top {fate}s : $x , $z
big {fate} in $q : $x
$x turns {fate} after {news}
from $n to $n : $x {move} in $k months
$n to $n : how $x stock {moves}
rs $k lakh in $x would have {moved_to}
$x ipo : {listing}
$x {listing}
$x shares {listing}
$x debut : {listing}
$x deal {deal_end}
$x deal with $z {deal_end} ; stock {move}
$x merger with $z {deal_end}
$x drug trial {trial_end}
$x {trial} {trial_end}
$x 's {trial} {trial_end} , shares {moves}
court {ruling} $x
court {ruling} $x in $n case
regulator {ruling} $x
tribunal {ruling} $x , stock {move}
{cheer} for $x : {event}
{cheer} for $x as {item} {grows}
{cheer} for $x investors
$x investors : {cheer} in store
it is {cheer} for $x in $q
$x workers {cheer} as firm {event}
""")

UP_TOO = _words(
    post="""ceo | cfo | chairman | source | report""",
    month="""january | march | may | july | october""",
    moved_to="""become rs $k crore | grown $k times | doubled | turned into a fortune""",
    listing="""lists at $n premium | makes stellar debut | lists with a bang | oversubscribed $k
    times | sees strong response | opens above issue price | off to a flying start | doubles on
    debut""",
    deal_end="""sealed | goes through | approved | cleared by regulator | back on track | wins
    backing | called sweet by analysts | to create $n in savings | gets green light""",
    trial="""key trial | cancer drug study | new vaccine | late-stage trial | gene therapy |
    flagship rocket""",
    trial_end="""succeeds | meets main goal | shows promise | hits target | passes test | beats
    placebo | gets fast track | wins backing of panel""",
    ruling="""rules in favour of | clears | backs | gives relief to | sides with | quashes case
    against | drops charges against | lifts ban on | acquits | gives nod to""",
    cheer="""good news | joy | relief | glad tidings | happy days | a boost | cheer | big win |
    windfall""",
)

DOWN_TOO = _words(
    post="""ceo | cfo | chairman | source | report""",
    month="""january | march | may | july | october""",
    moved_to="""shrunk to rs $k | lost most of its worth | halved | gone up in smoke""",
    listing="""lists at $n discount | makes dismal debut | lists with a whimper | fails to get
    fully subscribed | sees lukewarm response | opens below issue price | off to a poor start |
    tanks on debut""",
    deal_end="""called off | falls through | blocked | stalled by regulator | in jeopardy | loses
    backing | called bitter by analysts | to cost $n in penalties | hits roadblock""",
    trial="""key trial | cancer drug study | new vaccine | late-stage trial | gene therapy |
    flagship rocket""",
    trial_end="""fails | misses main goal | shows side effects | misses target | fails test | no
    better than placebo | put on hold | rejected by panel""",
    ruling="""rules against | indicts | fines | denies relief to | sides against | revives case
    against | files charges against | slaps ban on | convicts | denies nod to""",
    cheer="""bad news | gloom | worry | grim tidings | dark days | a setback | pain | big loss |
    shock""",
)

POSITIVE_ONLY = _frames("""
$x slump over , says $who
fall in $x an opportunity : $who
$x correction overdone : $who
fears on $x overblown , says $who
short sellers burnt as $x rallies
bears run for cover in $x
bad news priced in for $x : $who
losses at $x to end soon : ceo
$x crisis over , creditors paid in full
no need to sell $x : $who
do not miss the $x rally : $who
keep $x , more gains ahead : $who
$x not hit by ban on rivals
$x escapes fine
$x avoids strike with wage deal
lenders agree to $x debt revamp
banks throw lifeline to $x
$x cuts interest bill with cheaper loan
$x cost cuts pay off
job cuts at $x to lift margins : $who
$x exits loss-making unit , shares rise
$x sells non-core unit at a gain
$x drops loss-making line , margins rise
falling crude to cut $x costs
weak rupee to help $x
lower rates to ease $x burden
$x shares shrug off downgrade
$x recovers from day 's low , ends up $n
after selloff , $x bounces $n
$x trims losses , rallies $n from low
$z offers $n for $x
$z ups bid for $x to $n
bidding war for $x
$z to invest $n in $x
$z picks up stake in $x , stock zooms
activist investor takes stake in $x , shares up
$x to be included in msci index
$x gets $n from government for new plant
rescue of $x complete
$x loses no time , beats guidance again
$x hardly hurt by tariffs
tax cut to add $n to $x profit
no debt , no worries : $x
who can stop $x ?
$x : a rare winner in a falling market
only $x rose in $q
$x wins stay on penalty
court sets aside $n fine on $x
appeals court backs $x , quashes penalty
tax demand on $x struck down
$x penalty waived
$x out of trouble as lenders step in
$x crisis eases as bank extends loan
turnaround at $x gathers pace
$x hopes revive on fresh orders
$x revival plan gets backing
$x to resume dividend after $k years
$x brings back dividend
$x keeps dividend , allays fears
$x gets takeover offer from $z
$z revives plan to buy $x
$z sweetens offer for $x
$z to pump $n into $x
$z doubles stake in $x
$z takes $n stake in $x at a premium
new investor comes to the aid of $x
$x users rise by $k million
$x fixes breach , no data lost
$x finds no fraud in accounts
auditor clears $x books
$x gets clean audit
$x unhurt by tariffs
$x untouched by crisis
$x better off after tax change
$x stays in the black
$x loss shrinks
$x bleeding stops
$x ends losing streak
$x stock comes back from lows
$x stock doubles in a year
$x stock up $n since listing
no end to $x rally
$x rally has legs : $who
$x ride not over yet : $who
$x pain is over
better days for $x
$x capacity running full
$x plants run at full tilt
$x can not keep up with orders
$x shelves empty as shoppers rush
$x inventory clears fast
$x cost cutting bears fruit
$x bets pay off
$x gamble on {area} works
$x plan wins praise
$x wins over sceptics
$x proves doubters wrong
short interest in $x falls
$x insiders buy
$x promoter frees pledged shares
$x bond spreads tighten
rating of $x lifted out of junk
$x exits watchlist
lenders drop case against $x
$x workers end strike
mine reopens , relief for $x
$x flights resume
licence of $x renewed
$x ban lifted
exports of $x resume
$x drug back on shelves
""")

NEGATIVE_ONLY = _frames("""
$x rally over , says $who
rise in $x a chance to exit : $who
$x rally overdone : $who
hopes on $x overblown , says $who
short sellers cash in as $x sinks
bulls run for cover in $x
good news priced in for $x : $who
profits at $x to end soon : $who
$x crisis deepens , creditors unpaid
no need to buy $x : $who
do not chase the $x rally : $who
exit $x , more pain ahead : $who
$x hit by ban on exports
$x faces fine
$x strike looms as wage talks fail
lenders reject $x debt revamp
banks pull plug on $x
$x interest bill swells on costlier loan
$x cost cuts not enough
job cuts at $x show stress : $who
$x stuck with loss-making unit , shares fall
$x sells prized unit at a loss
$x drops profitable line , margins fall
rising crude to add to $x costs
strong rupee to hurt $x
higher rates to add to $x burden
$x shares ignore upgrade , fall
$x falls from day 's high , ends down $n
after rally , $x drops $n
$x trims gains , slumps $n from high
$z drops bid for $x
$z cuts bid for $x to $n
no bidders for $x
$z to pull $n out of $x
$z dumps stake in $x , stock dives
activist investor exits $x , shares down
$x to be excluded from msci index
$x denied $n from government for new plant
rescue of $x fails
$x misses guidance again
$x badly hurt by tariffs
tax change to cost $x $n
big debt , big worries : $x
who can save $x ?
$x : a rare loser in a rising market
only $x fell in $q
$x profit up but margins disappoint
$x sales rise but profit falls
$x tops estimates but guidance disappoints
$x raises $n via discounted share sale
government may cut stake in $x at a discount
$x misses loan payment
$x in default , says rating agency
police raid $x offices
$x under probe over accounts
$x product recall widens
$x says data of $k million users stolen
$x fails to win stay on penalty
court affirms $n fine on $x
appeals court rejects $x , penalty stands
tax demand on $x upheld
$x penalty doubled
$x in trouble as lenders step back
$x crisis worsens as bank calls loan
turnaround at $x stalls
$x hopes dim on lost orders
$x revival plan in tatters
$x to pass on dividend after $k years
$x drops dividend
$x halves dividend , stokes fears
$x left at the altar by $z
$z abandons plan to buy $x
$z lowers offer for $x
$z to take $n out of $x
$z halves stake in $x
$z sells $n stake in $x at a discount
key investor pulls out of $x
$x users fall by $k million
$x hit by breach , data stolen
$x finds fraud in accounts
auditor flags $x books
$x gets qualified audit
$x hurt by tariffs
$x battered by crisis
$x worse off after tax change
$x stays in the red
$x loss grows
$x bleeding goes on
$x begins losing streak
$x stock stuck at lows
$x stock halves in a year
$x stock down $n since listing
no end to $x fall
$x slump has further to go : $who
$x slide not over yet : $who
$x pain is far from over
worse days for $x
$x capacity lying idle
$x plants run below half
$x short of orders
$x shelves full as shoppers stay away
$x inventory piles up
$x cost cutting falls short
$x bets backfire
$x gamble on {area} fails
$x plan draws flak
$x fails to win over sceptics
$x proves doubters right
short interest in $x jumps
$x insiders sell
$x promoter pledges more shares
$x bond spreads widen
rating of $x cut to junk
$x put on watchlist
lenders file case against $x
$x workers walk out
mine shut , blow for $x
$x flights grounded
licence of $x suspended
$x faces ban
exports of $x halted
$x drug pulled from shelves
""")

# --- without a direction --------------------------------------------------------------------------

NEUTRAL = _frames("""
$x to consider {deal} at board meet on {month} $k
$x board to consider $q results
$x to declare $q results {when}
$x results today : what to watch
$x to announce earnings after market close
$x earnings call at $k pm
$x $q earnings : key takeaways
$x q net at rs $n cr
$x posts $q net profit of rs $n cr
$x reports net loss of $n
$x $q revenue at $n
$x $q total income at $n
$x $q sales at rs $n crore
$x {month} sales at $k thousand units
$x produced $k thousand tonnes in {month}
$x files drhp for {deal}
$x gets sebi nod for {deal}
$x seeks shareholders' nod for {deal}
$x calls egm on {month} $k
$x agm : what was said
$x to raise rs $n crore
$x to raise $n through bonds
$x plans to raise up to $n
$x allots shares to employees
$x issues $k lakh shares to promoters
$x to issue $n crore warrants to promoters
$x may raise stake in $z
$x may sell stake in {unit}
$x in talks to buy $z : report
$x eyes $z
$x looking for buyers for {unit}
$x looking to enter {area}
$x plans to enter {product} business
$x plans new {product} by {month}
$x to invest $n in {area}
$x to set up plant in {area}
$x to spend $n on {unit}
$x to buy land in {area} for $n
$x forms committee to review {deal}
$x sets up arm in {area}
$x sets up wholly owned subsidiary
$x merges {unit} with parent
$x splits roles of {post} and {post}
$x restructures {unit}
$x reshuffles top management
$x names $person to board
$x elevates $person to {post}
$x {post} steps down at end of term
$x {post} $person to retire
$person gets additional charge of $x
government appoints $person $x {post}
$x extends term of {post}
$x looking for new {post}
$x {post} meets minister
$x writes to government on {product}
$x asks for {month} hearing
$x replies to sebi notice on {paper}
$x submits {paper} to exchanges
$x corrects {paper}
$x changes name to $z
$x changes face value of shares
$x shifts registered office
$x signs mou with state
$x signs pact with university
$x , $z form joint venture
$x partners $z to offer {product}
$x , $z tie up for {product}
$x and $z to work together on {product}
$x uses {product} from $z
$x opens $k branches in {month}
$x opens new store in {area}
$x to open {k_many} outlets
$x holds event in {area}
$x celebrates $k years
$x goes green with new campus
$x wins award for design
$x to train $k thousand students
$x supports relief work in {area}
$x ad features film star
why $x uses ai
how $x was built
the story of $x
$x : then and now
$x explained in $k charts
$k things to know about $x
$k questions for $x {post}
what analysts say on $x
what should investors do with $x ?
is $x worth the price ?
buy or sell : $x
should you subscribe to $x ipo ?
$x : buy , sell or wait ?
will $x rise or fall ?
$x faces test on {month} $k
$x sees both gains and losses in $q
$x {flat} amid mixed cues
$x {flat} after see-saw trade
$x swings between gains and losses
$x ends {flat} ; $z {flat}
$x little moved by results
$x shares hold steady after report
$x consolidates near $n
$x stuck between $n and $n
$x to trade in range of $n-$n : $who
$x {flat} : $who
$who has hold on $x
$who retains neutral on $x , target $n
$who keeps neutral rating on $x
$who starts $x at hold
$who rates $x equal weight
$x : hold for now , says $who
hold on to $x , no hurry to add : $who
not too keen on $x , nor bearish : $who
no view on $x : $who
stay neutral on $x : $who
wait for dips before entering $x : $who
avoid fresh positions in $x till results : $who
$x options : heavy open interest at $n
$x futures roll to {month}
$x sees block deal of $k lakh shares
$x stock split : record date {month} $k
$x goes ex-dividend
$x to pay dividend on {month} $k
$x bonds yield $n
$x prices bonds at $n
$x extends rights issue by $k days
$x {deal} opens {when}
$x keeps rates unchanged
$x keeps price of {product} unchanged
$x stands by forecast
$x repeats outlook for $q
$x sticks to target of $n
$x says no decision yet on {deal}
$x says not aware of reason for move
$x declines to comment on {deal}
$x terms report on {deal} speculative
$x calls reports of {deal} baseless
$x yet to decide on {deal}
decision on $x {deal} deferred
$x case : hearing on {month} $k
government to take call on $x {deal}
cabinet to consider $x {deal}
panel to study $x {product}
ministry seeks {paper} from $x
rules for $x to change from {month}
$x : markets to stay choppy
$x : oil to average $n
$x economist sees gdp at $n
$x sees fed on hold
buy banks , says $person of $x
sell it stocks , says $person of $x
$person , $x : prefer private banks
$person , $x : metals to fall further
$x : downgrade $z to sell
$x upgrades $z
$x cuts target on $z
$x raises target on $z
$x downgrades $z
$x bullish on $z
$x buys $k lakh shares of $z
$x sells shares of $z
$x exits $z
$x hikes stake in $z to $n
$x fund holds $n of $z
$x lends $n to $z
$x to audit $z
$x advises $z on sale
$x probes $z
$x fines $z $n
$x asks $z to explain
$x bans $z from market
$x clears $z {deal}
$x gives nod to $z {deal}
$x rejects $z {deal}
how $x came to be
how $x is run
$x at a glance
a day at $x
$x hosts {gathering}
$x backs sports team
$x pledges help to schools
$x teaches $k thousand students to code
$x sponsors marathon
$x opens museum
$x names stadium
$x and $z sign letter of intent
$x , $z agree to cooperate on {product}
$x and $z renew agreement
$x , $z extend pact by $k years
investors wait for $x numbers
street looks to $x {gathering}
markets await word from $x
traders wait for $x outlook
$x affirms guidance for $q
$x reiterates guidance
$x leaves outlook as it was
$x backs earlier forecast
$x sees no change to targets
gold may fall to $n : $x
oil may rise to $n : $x
dollar to weaken : $x
sensex may touch $n : $x
it stocks to underperform : $x
$x : prefer gold to stocks
$x : cut exposure to metals
$x likely in band of $n to $n
$x has hurdle at $n
$x key levels : $n and $n
$x support seen at $n
immediate resistance for $x at $n
not bullish , not bearish on $x : $who
no fresh buying in $x till {month} : $who
stay on the sidelines in $x : $who
$x fairly valued : $who
upside capped , downside limited in $x : $who
""")

NEUTRAL_WORDS = _words(k_many="$k | $k new | more | several")

# --- two companies with opposite fates ------------------------------------------------------------

MIXED_WORDS = _words(
    news_day="monday | friday | muhurat | early | thursday | late",
    xgood="""$x {rises} | $x {rises} $n | $x up $n | $x beats estimates | $x profit jumps | $x
    gains share | $x raises outlook | $x upgraded | $x wins order | $x cheers | $x top gainer | $x
    hits high | $x shines | $x delights | $x rallies | $x in the green | $x at record high | $x
    bags deal | $x back in favour | $x sales surge | $x loss narrows | buy $x | upbeat on $x | $x
    benefits | $x tops forecasts | $x bounces back | $x net soars""",
    ybad="""$y {falls} | $y {falls} $n | $y down $n | $y misses estimates | $y profit drops | $y
    loses share | $y cuts outlook | $y downgraded | $y loses order | $y disappoints | $y top loser
    | $y hits low | $y stumbles | $y lags | $y tanks | $y in the red | $y at record low | $y fined
    | $y out of favour | $y sales slump | $y loss widens | sell $y | cautious on $y | $y suffers |
    $y below forecasts | $y slides again | $y net plunges""",
)

MIXED = _frames("""
{xgood} {while} {ybad}
{ybad} {while} {xgood}
{xgood} ; {ybad}
{ybad} ; {xgood}
{xgood} | {ybad}
{ybad} | {xgood}
{xgood} . {ybad} .
{xgood} but {ybad}
{ybad} but {xgood}
{xgood} even as {ybad}
{ybad} even as {xgood}
{xgood} , {ybad} , $z flat
{ybad} , {xgood} , $z flat
$z flat , {xgood} , {ybad}
nifty flat : {xgood} , {ybad}
sensex ends lower ; {xgood} , {ybad}
market wrap : {ybad} , {xgood}
stocks in news : {xgood} ; {ybad}
$q earnings : {xgood} ; {ybad}
$q earnings : {ybad} ; {xgood}
$who : {xgood} , {ybad}
on {news_day} {xgood} and {ybad}
gainers & losers : {xgood} , {ybad}
gainers : $x ; losers : $y
losers : $y ; gainers : $x
gainers : $x , $z . losers : $y
top gainer $x , top loser $y
among stocks , $x gained most and $y fell most
$x leads gains , $y leads losses
$y drags , $x supports index
$x supports index even as $y drags
$x helps nifty , $y hurts
buy $x , avoid $y : $who
avoid $y , buy $x : $who
long on $x , short on $y : $who
short on $y , long on $x : $who
go long on $x and short $y : $who
like $x , not $y : $who
not $y but $x : $who
$x better than $y : $who
$x a better bet than $y : $who
$x preferred over $y : $who
rather buy $x than $y : $who
stick to $x , stay away from $y : $who
book profits in $y , enter $x : $who
replace $y with $x : $who
sell $y and shift to $x : $who
overweight $x , underweight $y : $who
positive on $x , negative on $y : $who
negative on $y , positive on $x : $who
bullish on $x but not on $y : $who
$x in , $y out : $who
$who dumps $y , buys $x
$who buys $x , dumps $y
$who raises $x to buy , cuts $y to sell
$who cuts $y , raises $x
$who ups target on $x , lowers it on $y
$x wins , $y loses
$y loses , $x wins
winner : $x , loser : $y
$x a winner , $y a loser in {news_day} trade
$x scores over $y
$x edges past $y
$x leaves $y behind
$x races past $y in sales
$x topples $y as no. 1
$x dethrones $y
$y dethroned by $x
$y slips below $x
$y no match for $x
$x eats into $y 's share
$x takes customers from $y
$y customers flock to $x
$y bleeds customers to $x
$x grabs $n order from $y
$y misses out as $x bags $n order
$x outbids $y for $n asset
$y outbid by $x
$x wins bid , $y loses out
$x gets nod , $y denied
regulator clears $x , fines $y
court favours $x over $y
judge backs $x in fight with $y
$y told to pay $n to $x
$y pays $n to settle with $x
$x defeats $y in court
$y troubles a boon for $x
$y strike helps $x
$y outage sends users to $x
ban on $y helps $x
$x cashes in on $y woes
$x gains as $y exits
$y 's pain , $x 's gain
$x rises on $y collapse
$x to gain from $y shutdown
new tax to hurt $y , help $x
rupee fall good for $x , bad for $y
duty hike a boost for $x , blow for $y
oil slide helps $x , hurts $y
5g : $x ahead , $y behind
unlike $y , $x stays profitable
unlike $x , $y stays in the red
$x profit doubles ; $y slips into loss
$y slips into loss , $x profit doubles
$x margins widen , $y margins shrink
$x hires , $y fires
$x expands as $y retreats
$x upbeat , $y gloomy on $q
$x raises dividend , $y cuts it
$x gains as $y quits
$x to benefit from $y closure
$y closure helps $x
swap $y for $x : $who
move from $y to $x : $who
drop $y , pick $x : $who
$x , not $y , is the one to own : $who
$x stays in the black , $y stays in the red
$x profitable , $y loss-making
$x helped , $y hurt by new rules
$y hurt , $x helped by weak rupee
$x rallies , $y slides on deal news
$y sinks , $x soars on deal news
good for $x , bad for $y : $who
bad for $y , good for $x : $who
$x leads , $y trails
$y trails , $x leads in $q
$x ahead of $y in race for $n order
$y behind $x in race for $n order
$x gets more customers , $y fewer
""")

# --- the company asked about stands by ------------------------------------------------------------

STANDING = _frames("""
$y {event} , says $x
$x says $y {event}
$y {event} : $x report
$y {move} , $x little changed
$x unchanged , $y {move}
$x {flat_too} even as $y {move}
$y {move} after talks with $x
$y {move} on $x order report
$y {move} ; $x to report next
$y {move} as $x meets
$y {move} $n on $x
$y {moves} on $x ; $z steady
$x index {flat_too} as $y {move}
$x names $y among {fate}s
$x {rate} $y ; target $n
$x {raise} target on $y to $n
$x {raise} $y estimates
$x {call} $y
$x has {calls} on $y
$x : {call} $y
$x : {call} $y , {hope}
$x {adjective} on $y
$x analysts {adjective} on $y
$x on $y : {hope}
$x note : $y {state}
$x sees {hope} at $y
$y {state} , says $x
$y {state} : $x
$y : {outlook} outlook , says $x
$y outlook {outlook} : $x
$y {graded} at $x
$y {graded} by $x
$y price target {raised} to $n at $x
$y pt {raised} at $x
$y {item} {grows} : $x data
$y , client of $x , {event}
$y , a unit sold by $x , {event}
$y , which competes with $x , {event}
ex-$x {post_too} joins $y as it {event}
former $x {post_too} says $y {state}
$x stays out as $y {event}
$x to study why $y {event}
$x watches as $y {event}
$x set to meet $y after {news}
$x and $y in talks ; $y {move}
""")
STANDING_WORDS = _words(
    flat_too="""flat | steady | unchanged | little changed | rangebound | listless""",
    post_too="""ceo | cfo | banker | director | executive""",
)
