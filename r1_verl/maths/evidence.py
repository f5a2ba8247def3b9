"""Words around a number: which say nothing and may be dropped, and which are evidence and may not.

Words are evidence unless they are known to say nothing. A noun behind a plain number says nothing (12 red marbles); a
word that counts, negates, compares, joins, conditions or approximates always says something.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain

from r1_verl.maths.chinese import LEADS as CHINESE_LEADS
from r1_verl.maths.chinese import is_measure
from r1_verl.maths.tables import CONSTANTS, FUNCTIONS, GREEK, word_set

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
NUMBERS = {word: n for n, word in enumerate(_SMALL)} | {
    word: 10 * n for n, word in enumerate(("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=3)
}
NUMBERS["fourty"] = 40
# Words that multiply the number before them.
MULTIPLIERS = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12, "dozens": 12,
    "lakh": 10**5, "lakhs": 10**5, "crore": 10**7, "crores": 10**7, "hundreds": 100, "thousands": 1000,
    "millions": 10**6, "billions": 10**9,
}  # fmt: skip
_ORDINAL_STEMS = (
    "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth",
    "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth",
)  # fmt: skip
# Words that divide the number before them: 5 tenths, two thirds.
PARTS = (
    {word: n for n, stem in enumerate(_ORDINAL_STEMS, start=3) for word in (stem, stem + "s")}
    | {"half": 2, "halves": 2, "quarter": 4, "quarters": 4, "hundredth": 100, "hundredths": 100, "thousandth": 1000}
    | {"thousandths": 1000, "millionth": 10**6, "millionths": 10**6, "billionth": 10**9, "billionths": 10**9}
)

# --- evidence, by what a word does ------------------------------------------------------------------------------------

_COUNT = word_set(
    "again hat nines ones tens significant deviation deviations truncated converge converges diverge diverges",
    "halfway midway percentile percentiles transpose infimum supremum quintillion bundle bundles stack stacks brace",
    "duo duos trio trios quartet quartets myriads half pair pairs couple couples score scores gross lots double",
    "doubles doubled triple triples tripled treble quadruple quadrupled quintuple single twice thrice once times",
    "fold twofold threefold fourfold fivefold tenfold hundredfold first secondly several many few much some any all",
    "every both either another other others extra further additional squared cube cubed root sqrt cbrt factorial",
    "power powers exponent exponential raised log logarithm ln sine cosine tangent sin cos tan absolute modulus mod",
    "modulo base binary octal decimal decimals hexadecimal hex ternary inverse inverted inverses reciprocal",
    "opposite negated negatives signed unsigned complement conjugate remainder remainders quotient divisor mil",
    "mille permille percentage percentages ppm bps bp basis hundredweight myriad googol mill mils zero places sum",
    "product difference ratio average mean median whole wholes fractional fraction portion part share multiplied",
    "multiply divided divide added add adds subtracted subtract halved halve thirded quartered increased decreased",
    "reduced raise discount off increase decrease deducted minus plus over under x k m bn mn grand ton infinite",
    "infinity finite infinitely recurring repeating repeated ordinal number choose permute imaginary complex",
    "irrational nil null none nothing nought naught o'clock oclock noon midnight past bc bce ad ce",
)
_NEGATE = word_set(
    "not no non never neither nor nope nay without except excepting excluding excluded barring false untrue wrong",
    "incorrect invalid isn't aren't wasn't weren't doesn't don't didn't can't cannot won't wouldn't shouldn't",
    "couldn't mustn't hasn't haven't isnt arent doesnt dont cant wont unlike contrary mistaken mistake error",
    "erroneous fails fail failed impossible undefined unknown unsolvable instead rather rejected reject discard",
    "discarded eliminated rule ruled extraneous inadmissible unacceptable against denied contradiction",
    "contradictory nonsense bogus fake lie lies lying nobody nowhere hardly barely scarcely lacking lacks lack",
    "missing absent",
)
_COMPARE = word_set(
    "more less fewer fewest greater greatest lesser least most than above below over under beyond beneath beside",
    "minimum maximum min max minimal maximal larger largest smaller smallest bigger biggest higher highest lower",
    "lowest longer longest shorter shortest older oldest younger youngest heavier heaviest lighter lightest taller",
    "tallest wider widest faster fastest slower slowest better best worse worst cheaper cheapest exceeding exceed",
    "exceeds exceeded up down upward upwards downward downwards onward onwards upto until till through thru between",
    "among within inside outside before after ago later earlier since hence ahead behind from to too starting",
    "ending beginning bounded bound bounds limit limited range ranges ranging inclusive exclusive strictly short",
    "shy equal equals unequal same differ differs differing similar vs versus compared comparable like as so such",
    "margin east west north south eastward westward northward southward northeast northwest southeast southwest",
    "eastern western northern southern clockwise counterclockwise anticlockwise profit loss gain lose lost gained",
    "surplus deficit debt owed owes owe credit debit deposit withdrawal deposited withdrawn forward forwards",
    "backward backwards forth inward inwards outward outwards leftward leftwards rightward rightwards rise fall",
    "rises falls drop drops ascending descending early late upstairs downstairs uphill downhill upstream downstream",
    "opposite inverse",
)
_JOIN = word_set(
    "and or nor but yet also else otherwise alternatively besides plus with together along followed then versus",
    "slash including includes include respectively either both ampersand combined joined next thereafter by times",
    "remainder rem carry carrying well",
)
_CONDITION = word_set(
    "if when whenever unless provided providing assuming assume given suppose supposing where wherever while once",
    "for iff case cases depends depending depend whether should would could might may must can shall will although",
    "though because since despite until conditional condition conditionally subject let implies therefore thus so",
    "that which who whom whose what why how",
)
_APPROXIMATE = word_set(
    "tentative pending assumed assumption hypothetical theoretical expected typo revised corrected sorry oops tbd",
    "todo about around approximately approx approximate approximates roughly nearly almost circa ca somewhere",
    "estimated estimate estimates guess guessed guessing perhaps maybe possibly possible probably probable",
    "presumably seemingly supposedly likely unlikely unsure uncertain sure certain certainly ish some something",
    "somewhat close closer closest near nearer nearest give take rounded round rounding ballpark tops order",
    "magnitude virtually practically essentially basically seems seem seemed appears appear looks think believe",
    "suspect hope kind sort anything everything anyone whatever whichever anyway undetermined indeterminate",
    "ambiguous random variable",
)
# Verbs that make a sentence of the words: such a text says more than a unit does.
_SENTENCE = word_set(
    "is are was were be been being am has have had do does did doing makes make made becomes became got get gets",
    "goes gives gave means meant i you he she we they me him us them my your his our their it's i'm ignore forget",
    "try tries check correct right answer option choice solution question problem edit wait hmm please accept",
    "reward score grade true yes ok okay",
)
# Numbers, joiners and negations of other languages in the Latin script.
_FOREIGN = word_set(
    "dutzend halbe viertel douzaine demie quart quarts tiers carre docena media mitad tercios cuadrado millones",
    "duzia metade milhao millionen milliarden und oder nicht kein keine mehr weniger mal hoch durch ungefähr etwa",
    "eins zwei drei vier fünf sechs sieben acht neun zehn halb hundert tausend ou et pas non moins plus fois demi",
    "deux trois quatre cinq sept huit neuf dix cent mille y o no ni menos más mas por veces medio uno una dos tres",
    "cuatro cinco seis siete ocho nueve diez cien mil e oppure meno più piu volte mezzo due tre quattro sei sette",
    "otto nove dieci cento ili ne i ali um dois quatro sete oito dez mais vezes meio meia en of niet geen een twee",
    "drie vijf zes zeven negen tien och eller inte",
)
# What a name in front of "="may not say; `minimum = 5` and `sum = 5` are names, `twice x = 5` is none.
_NOT_IN_NAMES = (
    _NEGATE | _CONDITION | _APPROXIMATE
    | word_set(
    "least most than more less fewer greater twice double half triple negative minus opposite inverse reciprocal",
)
    | word_set(
    "squared cubed factorial log or thrice halved doubled tripled",
)
) - word_set(
    "which who what how that round nearest closest order random variable close may can expected",
)  # fmt: skip
# What a name may not end in, for then it says something about the next name: `above x`.
_PREPOSITIONS = word_set(
    "over above below under to from after before by than with mod modulo base several any into per but",
)
_COUNTED = frozenset(chain(NUMBERS, MULTIPLIERS, PARTS))
_EVIDENCE = (
    _COUNT | _NEGATE | _COMPARE | _JOIN | _CONDITION | _APPROXIMATE | _SENTENCE | _FOREIGN | _COUNTED | {"second"}
)  # fmt: skip
# Adverbs say how a number is meant (possibly, roughly, exactly not), but for these.
_PLAIN_ADVERBS = word_set(
    "daily weekly monthly yearly hourly quarterly family fly jelly belly lily bully ally butterfly",
)
_FOLDS = re.compile(r".*(?:fold|uple|upled|illion|illions|ths|teenth|ieth|n't)|(?:non|semi|hemi).*")
_KEPT_FOLDS = word_set(
    "months cloths baths moths truths deaths widths lengths paths mouths births youths maths booths sloths myths",
    "berths hearths smiths growths depths strengths healths scaffold couple seminar seminars",
)
# Adjectives of a noun behind them; alone behind a number they say something: 5 negative integers, but 5 negative.
_ADJECTIVES = word_set(
    "prime real rational even odd positive negative consecutive",
)
# Small words inside a noun phrase, which is counted without them.
_LINKS = word_set(
    "of in the a an on at this that these those per each his her its their my our your",
)
TIMES_OF_YEAR = word_set(
    "january february march april may june july august september october november december monday tuesday wednesday",
    "thursday friday saturday sunday",
)
# Nouns that count whatever number stands before them, a formula too.
_COUNTERS = word_set(
    "unit units way ways people persons person students student points point items item pieces piece outcomes",
    "arrangements paths triangles apples marbles coins books balls dollars children boys girls men women games",
    "sequences subsets possibilities pairs-of solutions-in functions words tiles moves tickets cards",
)
_GENERIC = word_set(
    "unit units people person persons individuals item items thing things objects ways",
)
# What may stand behind a unit or a noun: 12 feet long, 12 clips altogether.
_TAILS = word_set(
    "together combined long tall high wide deep thick old each total altogether overall away apart left remaining",
    "only exactly precisely in all",
)
_LEADS = re.compile(
    r"(?:(?:(?:so|thus|hence|therefore),? )?(?:the |our |my |a )?(?:final |correct |required |total |exact |right )?"
    r"(?:answer|result|value|solution|total|number|sum|product|probability|area|volume|length|distance|cost|price|"
    r"perimeter|points?|speed|time|age|height|width|ratio|difference|average|mean|median|maximum|minimum|amount|remainder|"
    r"percentage|angle|radius|slope|profit|expression|equation|option|choice)s?"
    r"(?: of [a-z]{1,20}(?: [a-z]{1,20})?)?(?: (?:is|are|was|equals|would be|will be))?[:,]?"
    r"|(?:it |there |that |this |which |he |she |they )?(?:is|are|equals|gives|has|have)|exactly|only|precisely"
    r"|(?:a )?total(?: of|:)?|answer|ans)"
)
_MAX_NOUN = 3  # words of a noun phrase, links and tails not counted


@lru_cache(maxsize=4096)
def is_evidence(word: str) -> bool:
    """Whether a word in lower case may change what a number says."""
    if "-" in word and any(map(is_evidence, filter(None, word.split("-")))):
        return True
    if word in _EVIDENCE or word in GREEK or word in FUNCTIONS or word in CONSTANTS:
        return True
    if word in _KEPT_FOLDS or word in _PLAIN_ADVERBS:
        return False
    return (
        not word.isascii() or not word.replace("-", "").isalpha() or word.endswith("ly") or bool(_FOLDS.fullmatch(word))
    )


@lru_cache(maxsize=2048)
def nouns(phrase: str, any_length: bool = False) -> tuple[str, ...] | None:
    """The words of a noun phrase that says nothing about the number before it; None for any other phrase.

    any_length: a phrase of a gold may be of any length.
    """
    if not phrase.isascii():
        return (phrase,) if is_measure(phrase) else None
    plain = phrase.replace("(", "").replace(")", "").replace("left over", "left")
    words = [word.strip(".,;:!") for word in plain.split()]
    words = [word for word in words if word]
    if "in" in words:  # in April and May, in total
        at = words.index("in")
        if all(word in TIMES_OF_YEAR or word == "and" for word in words[at + 1 :]):
            words = words[:at]
    if "every" in words[:-1] and not is_evidence(words[words.index("every") + 1]):  # every week
        words.remove("every")
    found = [word for word in words if word not in _LINKS and word not in _TAILS]
    if (
        any(is_evidence(word) for word in found)
        or (found and found[-1] in _ADJECTIVES)
        or (len(found) > _MAX_NOUN and not any_length)
    ):
        return None
    return tuple(found)


def is_counter(words: tuple[str, ...]) -> bool:
    """Whether nouns may stand behind any number, a formula too: ways, square units."""
    return not words or words[-1] in _COUNTERS


def may_be_same(a: tuple[str, ...], g: tuple[str, ...]) -> bool:
    """Whether two noun phrases may name the same things: they share a word, or one names nothing of its own."""
    if not a or not g or a[-1] in _GENERIC or g[-1] in _GENERIC:
        return True
    return bool({_stem(word) for word in a} & {_stem(word) for word in g})


def _stem(word: str) -> str:
    for end in ("ies", "es", "s"):
        if word.endswith(end) and len(word) > len(end) + 2:
            return word[: -len(end)] + ("y" if end == "ies" else "")
    return word


def is_lead(phrase: str) -> bool:
    """Whether words before a number only announce it: `the answer is`."""
    return phrase in CHINESE_LEADS or bool(_LEADS.fullmatch(phrase.strip(" ,.")))


def is_name(phrase: str) -> bool:
    """Whether words before "=" name a quantity: `number of ways`, `minimum`, but not `twice` or `square of`."""
    if not phrase.isascii():
        return phrase in CHINESE_LEADS
    words = [word.strip(".,;:!()") for word in phrase.split()]
    if words[-1:] and words[-1] in _PREPOSITIONS:
        return False
    if words[-1:] == ["of"] and words[-2:-1] not in (["value"], ["total"], ["number"], ["amount"]):
        return False
    return not any(word in _NOT_IN_NAMES or word.endswith("n't") for word in words)


def is_number(words: tuple[str, ...]) -> bool:
    """Whether words are a number: three, two thirds."""
    return all(word in _COUNTED or word in ("a", "and") for word in words)
