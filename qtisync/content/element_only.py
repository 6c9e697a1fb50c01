"""Names of elements by what white space means around and inside them: the data behind ``canon/1``."""

from __future__ import annotations

ELEMENT_ONLY = frozenset(
    """
    br col colgroup details dl hr img ol param picture source table tbody template tfoot thead tr track ul

    qti-adaptive-engine-ref qti-adaptive-selection qti-adaptive-settings-ref qti-and qti-any-n qti-area-map-entry
    qti-area-mapping qti-assessment-item qti-assessment-item-ref qti-assessment-section qti-assessment-section-ref
    qti-assessment-stimulus qti-assessment-stimulus-ref qti-assessment-test qti-associable-hotspot
    qti-associate-interaction qti-branch-rule qti-calculator qti-calculator-info qti-card qti-card-entry qti-catalog
    qti-catalog-info qti-choice-interaction qti-companion-materials-info qti-container-size qti-contains
    qti-context-declaration qti-context-variable qti-correct qti-correct-response qti-custom-interaction
    qti-custom-operator qti-default qti-default-value qti-delete qti-digital-material qti-divide
    qti-drawing-interaction qti-duration-gte qti-duration-lt qti-end-attempt-interaction qti-equal qti-equal-rounded
    qti-exit-response qti-exit-template qti-exit-test qti-extended-text-interaction qti-feedback-block
    qti-field-value qti-gap qti-gap-img qti-gap-match-interaction qti-gcd qti-graphic-associate-interaction
    qti-graphic-gap-match-interaction qti-graphic-order-interaction qti-gt qti-gte qti-hotspot-choice
    qti-hotspot-interaction qti-hottext-interaction qti-increment-si qti-increment-us qti-index
    qti-inline-choice-interaction qti-inside qti-integer-divide qti-integer-modulus qti-integer-to-float
    qti-interaction-markup qti-interaction-module qti-interaction-modules qti-interpolation-table
    qti-interpolation-table-entry qti-is-null qti-item-body qti-item-session-control qti-lcm
    qti-lookup-outcome-value qti-lt qti-lte qti-map-entry qti-map-response qti-map-response-point qti-mapping
    qti-match qti-match-interaction qti-match-table qti-match-table-entry qti-math-constant qti-math-operator
    qti-max qti-media-interaction qti-member qti-metadata-ref qti-min qti-modal-feedback qti-multiple qti-not
    qti-null qti-number-correct qti-number-incorrect qti-number-presented qti-number-responded qti-number-selected
    qti-or qti-order-interaction qti-ordered qti-ordering qti-outcome-condition qti-outcome-declaration
    qti-outcome-else qti-outcome-else-if qti-outcome-if qti-outcome-maximum qti-outcome-minimum
    qti-outcome-processing qti-outcome-processing-fragment qti-pattern-match qti-portable-custom-interaction
    qti-position-object-interaction qti-position-object-stage qti-power qti-pre-condition qti-printed-variable
    qti-product qti-protractor qti-random qti-random-float qti-random-integer qti-repeat qti-response-condition
    qti-response-declaration qti-response-else qti-response-else-if qti-response-if qti-response-processing
    qti-response-processing-fragment qti-round qti-round-to qti-rubric-block qti-rule qti-rule-system-si
    qti-rule-system-us qti-select-point-interaction qti-selection qti-set-correct-response qti-set-default-value
    qti-set-outcome-value qti-set-template-value qti-simple-match-set qti-slider-interaction qti-stats-operator
    qti-stimulus-body qti-string-match qti-stylesheet qti-substring qti-subtract qti-sum qti-template-block
    qti-template-condition qti-template-constraint qti-template-declaration qti-template-default qti-template-else
    qti-template-else-if qti-template-if qti-template-processing qti-template-variable qti-test-feedback
    qti-test-part qti-test-variables qti-text-entry-interaction qti-time-limits qti-truncate qti-upload-interaction
    qti-usagedata-ref qti-variable qti-variable-mapping qti-weight
    """.split()  # noqa: SIM905 - a word list reads better than 200 quoted lines
)
"""QTI-namespace elements of a type that is ``mixed="false"`` in the QTI 3.0 XSD: white space in them is layout."""

MATHML_LAYOUT = frozenset(
    """
    maction math menclose merror mfenced mfrac mlabeledtr mmultiscripts mover mpadded mphantom mroot mrow msqrt mstyle
    msub msubsup msup mtable mtd mtr munder munderover semantics
    """.split()  # noqa: SIM905 - as above
)
"""MathML elements that only arrange others (MathML 3, chapter 3): white space between their children is layout."""

VERBATIM = frozenset(
    """
    pre textarea script style qti-value qti-base-value qti-interaction-markup qti-custom-interaction qti-custom-operator
    """.split()  # noqa: SIM905 - as above
)
"""QTI-namespace elements inside which every character of white space counts."""

INLINE_TEXT = frozenset(
    """
    a abbr acronym b bdi bdo big br button cite code data del dfn em font i input ins kbd label mark q rb rp rt rtc ruby
    s samp select small span strike strong sub sup time tt u var wbr

    qti-end-attempt-interaction qti-feedback-inline qti-gap qti-hottext qti-inline-choice-interaction
    qti-printed-variable qti-template-inline qti-text-entry-interaction
    """.split()  # noqa: SIM905 - as above
)
"""QTI-namespace elements that flow in a line: a space beside them is seen, even where the XSD allows no text."""

INLINE_MEDIA = frozenset(("audio", "canvas", "embed", "iframe", "img", "object", "picture", "svg", "video"))
"""QTI-namespace elements that flow in a line, unless their parent is one of ``MEDIA_PARENTS``."""

MEDIA_PARENTS = frozenset(
    """
    picture qti-associable-hotspot qti-drawing-interaction qti-gap-img qti-graphic-associate-interaction
    qti-graphic-gap-match-interaction qti-graphic-order-interaction qti-hotspot-interaction qti-media-interaction
    qti-position-object-interaction qti-position-object-stage qti-select-point-interaction
    """.split()  # noqa: SIM905 - as above
)
"""Element-only elements that hold a picture or a film as their canvas: nothing flows beside it."""
