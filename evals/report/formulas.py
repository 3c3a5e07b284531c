"""How each figure of a decision is computed, and who showed it."""

from __future__ import annotations

from markupsafe import Markup

from evals.report.blocks import Formula

M = Markup

FORMULAS = (
    Formula(
        "Variance of a mean: companies, templates, training runs",
        M(
            "<i>V</i> = <i>V</i><sub>companies</sub> + <i>V</i><sub>templates</sub> − "
            "<i>V</i><sub>both</sub> + <i>s</i>²<sub>run</sub> / <i>S</i>, &nbsp; "
            "<i>V</i><sub>g</sub> = <i>G</i>/(<i>G</i> − 1) · Σ<sub>clusters</sub> "
            "(Σ <i>r</i><sub>q</sub>)² / <i>Q</i>²"
        ),
        "Questions of one company, or of one template, are not independent, and a recipe trained "
        "again gives another model. r are the questions' residuals, S the training runs, Q the "
        "questions, G the clusters. A difference is taken question by question; runs that share "
        "their seed are paired.",
        "Cameron, Gelbach and Miller 2011, Robust inference with multiway clustering, Journal of "
        "Business & Economic Statistics 29(2), 238–249; for evaluations of language models: "
        "Miller 2024, Adding error bars to evals",
        "arXiv 2411.00640",
    ),
    Formula(
        "Degrees of freedom",
        M(
            "ν = <i>V</i>² / (<i>V</i>²<sub>questions</sub>/<i>g</i> + "
            "Σ <i>V</i>²<sub>runs</sub>/(<i>S</i> − 1)), &nbsp; at most <i>g</i>"
        ),
        "g is the smaller of companies − 1 and templates − 1. The interval is Student's t with ν.",
        "Satterthwaite 1946, An approximate distribution of estimates of variance components, "
        "Biometrics Bulletin 2(6), 110–114",
    ),
    Formula(
        "Several candidates",
        M(
            "<i>p</i><sub>(i)</sub> ← max<sub>j ≤ i</sub> min(1, (<i>m</i> − <i>j</i> + 1) "
            "<i>p</i><sub>(j)</sub>)"
        ),
        "A candidate must be shown to gain over every arm it is held against and over the start: "
        "its p is the largest of these. The p of the m candidates are then adjusted together.",
        "Berger 1982, Multiparameter hypothesis testing and acceptance sampling, Technometrics 24, "
        "295–300; Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian "
        "Journal of Statistics 6, 65–70",
    ),
    Formula(
        "Simultaneous intervals",
        M("mean ± <i>t</i><sub>ν, 1 − α/2<i>m</i></sub> · √<i>V</i>"),
        "All of them hold together with probability 1 − α at least. They are wider than the test "
        "needs: an interval that touches 0 and an adjusted p below α do not contradict each other.",
        "Dunn 1961, Multiple comparisons among means, Journal of the American Statistical "
        "Association 56, 52–64 (Bonferroni's inequality)",
    ),
    Formula(
        "Guards: no worse than the start",
        M("mean − <i>t</i><sub>ν, .95</sub> · √<i>V</i> &gt; −margin"),
        "One-sided 5 %. Not to be significantly worse is not enough: it must be shown.",
        "Piaggio et al. 2012, Reporting of noninferiority and equivalence randomized trials, JAMA "
        "308(24), 2594–2604",
    ),
    Formula(
        "Looks before all samples are in",
        M(
            "spent(<i>f</i>) = 4 − 4 Φ(<i>z</i><sub>1 − α/4</sub> / √<i>f</i>), &nbsp; "
            "<i>f</i> = <i>V</i><sub>end</sub> / <i>V</i><sub>look</sub>"
        ),
        "Alpha is spent by the information that is in, which is more than the share of the "
        "questions, as all training runs are there from the first look on. Levels are held against "
        "the p of Student's t. Each contrast's p over all looks is the smallest alpha at which a "
        "look would have been crossed.",
        "Lan and DeMets 1983, Discrete sequential boundaries for clinical trials, Biometrika 70, "
        "659–663, spending after O'Brien and Fleming 1979, Biometrics 35, 549–556; Liu and "
        "Anderson 2008, On adaptive extensions of group sequential trials, JASA 103, 1623–1630",
    ),
    Formula(
        "Conditional power, for futility",
        M(
            "Φ((<i>f</i> · mean + (1 − <i>f</i>) · aim − needed) / "
            "√(<i>V</i><sub>end</sub>(1 − <i>f</i>)))"
        ),
        "The chance that the end shows a gain, were the true gain the one the design aims at.",
        "Jennison and Turnbull 2000, Group Sequential Methods with Applications to Clinical "
        "Trials, chapter 10",
    ),
    Formula(
        "pass@k",
        M("1 − C(<i>n</i> − <i>c</i>, <i>k</i>) / C(<i>n</i>, <i>k</i>)"),
        "Of n samples of a question, c are right; the mean over questions is unbiased.",
        "Chen et al. 2021, Evaluating large language models trained on code",
        "arXiv 2107.03374",
    ),
    Formula(
        "pass^k",
        M("C(<i>c</i>, <i>k</i>) / C(<i>n</i>, <i>k</i>)"),
        "All of k samples are right: how far one can rely on it.",
        "Yao et al. 2024, τ-bench",
        "arXiv 2406.12045",
    ),
    Formula(
        "Questions for a gain, as a check on the simulated power",
        M(
            "<i>n</i> = (<i>z</i><sub>α/2</sub> + <i>z</i><sub>β</sub>)² (ω² + σ²<sub>A</sub>/"
            "<i>K</i><sub>A</sub> + σ²<sub>B</sub>/<i>K</i><sub>B</sub>) / gain²"
        ),
        "For the test alone; the power that counts is simulated with the whole rule.",
        "Miller 2024, Adding error bars to evals",
        "arXiv 2411.00640",
    ),
    Formula(
        "Sensitivity: bootstrap over companies and runs",
        M("2.5 % and 97.5 % of means over redrawn companies × redrawn runs"),
        "Shown, never decisive.",
        "Efron and Tibshirani 1993, An Introduction to the Bootstrap; of crossed factors: Owen "
        "2007, The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 386–411",
    ),
    Formula(
        "Sensitivity: sign flips by company",
        M("<i>p</i> = share of flips with |mean| ≥ |mean seen|"),
        "Holds for these training runs alone and rejects too often as a test of methods: shown, "
        "never decisive.",
        "Canay, Romano and Shaikh 2017, Randomization tests under an approximate symmetry "
        "assumption, Econometrica 85(3), 1013–1030",
    ),
    Formula(
        "Contamination",
        M("share of questions with 13 consecutive words of the training data"),
        "",
        "Brown et al. 2020, Language models are few-shot learners, appendix C",
        "arXiv 2005.14165",
    ),
    Formula(
        "Why seeds, and the table of runs",
        M(""),
        "Several training runs with error bars, fixed and disclosed decoding, hardware and "
        "software, length beside correctness, pass@k beside pass@1.",
        "Hochlehnert et al. 2025, A sober look at progress in language model reasoning",
        "arXiv 2504.07086",
    ),
)
"""In the order in which the page uses them."""
