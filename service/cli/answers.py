"""An answer of the matcher as lines for a person."""

from __future__ import annotations

from matcher.model.answer import (
    Answer,
    ConsortiumAnswer,
    GroupMatch,
    InstrumentsAnswer,
    Seat,
    TransferAnswer,
    TransferMatch,
)


def lines(answer: Answer, most: int) -> str:
    """Write the first matches of an answer with their reasons, as lines for a person."""
    shown = [f"Language of the question: {answer.query.lang}"]
    if answer.abstained:
        shown.append("There is no good match; the nearest are:")
    for number, match in enumerate(answer.matches[:most], 1):
        shown += ["", f"{number}. {match.title} ({match.country or 'no country'})"]
        own = [f"{match.level}, score {match.score:.2f}", match.entry]
        own += [f"- {reason.text}" for reason in match.reasons]
        if isinstance(match, TransferMatch):
            own[0] += f", fit {match.fit:.2f} over {match.coverage:.0%} of the criteria"
            own += [f"To adapt: {change.text}" for change in match.adaptations]
            own += [change.text for change in match.counterfactuals]
            own += [f"As supposed: {match.what_if.text}"] if match.what_if else []
        elif isinstance(match, Seat):
            own += [f"Instead: {other.title}" for other in match.alternatives]
        elif isinstance(match, GroupMatch):
            own += [f"Member: {member.title}" for member in match.members]
        shown += [f"   {line}" for line in own]
    match answer:
        case TransferAnswer():
            shown += [f"\nNot known: {field.text}" for field in answer.missing]
            if why := answer.why_not:
                shown.append(f"\n{why.title} is number {why.rank} of {why.of}.")
                shown += [f"\n{cause.text}" for cause in why.because]
        case ConsortiumAnswer():
            shown += [f"\nThe rules cannot be met: {rule.text}" for rule in answer.infeasible]
            shown += [f"\nNot covered: {text}" for text in answer.uncovered]
        case InstrumentsAnswer() if answer.gap:
            shown.append(f"\n{answer.gap}")
    return "\n".join(shown)
