//! The rows about answers whose body is wrong (P3, P4, P5, P15, P17) or whose end or figures are (P11, P12, P16, P19, P24).

use copydesk_fakeprovider::Fault;
use copydesk_providers::{ErrorClass, Finish};

use crate::want::Who::{Anthropic, Gemini, Ollama};
use crate::want::{BOTH, PLAIN, Row, STREAM, Text, Used, answers, cut, ends, fails, odd, row, rows};

const NO_MARK: &str = "the finish reason stands in the last event of this format";

pub fn table() -> Vec<Row> {
    [cut_short(), pages(), errors_inside(), endings(), figures(), texts(), jobs()].concat()
}

fn cut_short() -> Vec<Row> {
    let cut_json = || fails(ErrorClass::CutOff);
    let all_but_the_end = || cut().with(Text::Whole);
    vec![
        rows(
            Fault::TruncatedJson,
            "sends JSON that stops in the middle; in a stream, the last event",
            cut_json(),
            answers().used(Used::Unknown),
        )
        .but(&[Anthropic], STREAM, answers(), "only the mark of the end is lost; the figures came before it")
        .but(&[Gemini, Ollama], STREAM, all_but_the_end(), NO_MARK),
        rows(Fault::SseCut, "ends a stream without a finish reason", cut_json(), all_but_the_end()),
        rows(Fault::MissingFinalEvent, "leaves out the last event of a stream", cut_json(), answers()).but(
            &[Gemini, Ollama],
            STREAM,
            all_but_the_end(),
            NO_MARK,
        ),
        rows(
            Fault::MissingFinish,
            "sends everything but the finish reason",
            odd(""),
            all_but_the_end().used(Used::Billed),
        )
        .but(&[Ollama], STREAM, odd(""), "`done` says that it is whole; older versions give no reason"),
    ]
}

fn pages() -> Vec<Row> {
    let unreadable = || fails(ErrorClass::Malformed);
    vec![
        row(Fault::Html200, "sends a proxy's error page with status 200", unreadable()),
        row(Fault::HtmlAsJson, "sends the same page and calls it JSON", unreadable()),
        row(Fault::Html502, "sends the same page with status 502", fails(ErrorClass::ServerError)),
        row(Fault::Text200, "sends a line of text with status 200", unreadable()),
        row(Fault::Empty200, "sends status 200 and nothing", fails(ErrorClass::Empty)),
        row(Fault::InvalidJson, "sends something that only looks like JSON", unreadable()),
        row(Fault::JsonAsHtml, "calls a good answer HTML", unreadable()),
        rows(Fault::NoContentType, "gives no content type: JSON is read, a stream is not", answers(), unreadable()),
        row(Fault::SseAsJson, "sends a stream and calls it JSON", unreadable()),
        row(Fault::Redirect302, "redirects to another host; we never follow", fails(ErrorClass::Misconfigured)),
        row(Fault::Redirect307, "redirects to another host; we never follow", fails(ErrorClass::Misconfigured)),
    ]
}

fn errors_inside() -> Vec<Row> {
    let server = || fails(ErrorClass::ServerError);
    let overloaded = || fails(ErrorClass::Overloaded);
    let part = |want: crate::want::Want| want.with(Text::Part);
    vec![
        row(Fault::ErrorString200, "puts an error into a 200, as a text", server()),
        row(Fault::ErrorObject200, "puts an error into a 200, with code 502", server()),
        row(Fault::ErrorObject200Text, "puts an error into a 200, with a word for a code", server()),
        row(Fault::ErrorArray200, "puts an error into a 200, in an array, with code 503", overloaded()),
        rows(
            Fault::ErrorInChoices,
            "ends half an answer with an error inside it",
            part(server()).used(Used::Billed),
            part(server()),
        )
        .but(&[Anthropic, Ollama], STREAM, part(server()).used(Used::Billed), "the figures come with the finish reason")
        .but(
            &[Gemini],
            BOTH,
            part(fails(ErrorClass::Malformed)).used(Used::Billed),
            "its word is OTHER, a mishap that is tried once more",
        ),
        row(Fault::ErrorFirst, "begins a stream with an error; a plain call gets one in a 200", server())
            .but(&[Anthropic], STREAM, overloaded(), "its event says overloaded_error")
            .but(&[Gemini], STREAM, overloaded(), "its event says UNAVAILABLE"),
        rows(
            Fault::ErrorMidStream,
            "breaks off a stream with an error; a plain call gets one beside half an answer",
            part(server()).used(Used::Billed),
            part(server()).used(Used::SoFar),
        )
        .but(&[Anthropic, Gemini], STREAM, part(overloaded()).used(Used::SoFar), "its event says overloaded")
        .but(&[Anthropic, Gemini, Ollama], PLAIN, server(), "the error stands alone in this format"),
    ]
}

fn endings() -> Vec<Row> {
    const NO: &str = "I can't help with that.";
    let refused = || fails(ErrorClass::Refused).used(Used::Billed);
    vec![
        row(Fault::Refusal, "declines to write", refused())
            .but(&[Anthropic], BOTH, refused().with(Text::Exactly(NO)), "what it says is kept")
            .but(&[Ollama], BOTH, answers().with(Text::Exactly(NO)), "the format has no word for it; it is text"),
        row(Fault::ContentFilter, "stops half an answer with a filter", ends(Finish::ContentFilter).with(Text::Part))
            .but(&[Anthropic, Gemini], BOTH, refused().with(Text::Part), "a filter is a refusal in this format"),
        row(Fault::Length, "stops half an answer at the output limit", ends(Finish::Length).with(Text::Part)),
        row(Fault::UnknownFinish, "ends with a reason nobody knows; kept with a flag", odd("cosmic_ray")).but(
            &[Gemini],
            BOTH,
            fails(ErrorClass::Malformed).with(Text::Whole).used(Used::Billed),
            "nearly all its reasons are failures, so a new one is taken for one",
        ),
        row(Fault::EmptyAnswer, "sends a whole answer without text", fails(ErrorClass::Empty).used(Used::Billed)),
        row(Fault::SameId, "gives every answer the same id; each call has its own row", answers()),
        row(Fault::OtherModel, "lets another model answer; its name is on the books", answers()),
    ]
}

fn figures() -> Vec<Row> {
    let unknown = || answers().used(Used::Unknown);
    vec![
        row(Fault::UsageMissing, "reports no usage; it is estimated", unknown()),
        row(Fault::UsageNull, "reports null; estimated", unknown()),
        row(Fault::UsageString, "reports texts; estimated", unknown()),
        row(Fault::UsageFloat, "reports fractions; estimated", unknown()),
        row(Fault::UsageNegative, "reports negative figures; estimated", unknown()),
        row(Fault::UsageTwoPow63, "reports 2^63; estimated", unknown()),
        row(Fault::UsageParts, "reports a total that is not the sum; the parts count", answers()).but(
            &[Ollama],
            BOTH,
            answers().used(Used::OutputOnly),
            "there is no total; the input is left out and estimated",
        ),
        row(Fault::UsageTwice, "reports its figures twice; they count once", answers()),
        row(Fault::UsageAboveHold, "reports a million tokens more than written", answers()),
    ]
}

fn texts() -> Vec<Row> {
    let says = |text| answers().with(Text::Exactly(text));
    const ODD: &str = "An odd \u{fffd} text from afar";
    vec![
        row(Fault::NonUtf8, "sends bytes outside UTF-8; replaced", says("An odd \u{fffd}\u{fffd} text from afar")),
        row(Fault::Nul, "sends an escaped U+0000; replaced", says("An odd\u{fffd} text from afar")),
        row(Fault::NulRaw, "sends a raw zero byte; replaced", says(ODD)),
        row(Fault::LoneSurrogate, "sends half a surrogate pair; replaced", says(ODD)),
        row(Fault::EmojiCut, "cuts an emoji between two chunks; put together", says("An odd 🙂 text from 🦀 afar")),
        rows(
            Fault::EmojiHalves,
            "sends the halves of a surrogate pair in two events; replaced",
            says("An odd 😀 text from afar"),
            says("An odd \u{fffd}\u{fffd} text from afar"),
        ),
    ]
}

/// They strike jobs, which `jobs.rs` has a table for; a chat does not notice.
fn jobs() -> Vec<Row> {
    vec![
        row(Fault::JobError, "fails a media job", answers()),
        row(Fault::JobFiltered, "filters out what a media job made", answers()),
        row(Fault::JobExpired, "lets a media job expire", answers()),
        row(Fault::JobStuck, "never finishes a media job", answers()),
        row(Fault::JobLost, "forgets a media job", answers()),
        row(Fault::AssetGone, "loses the file of a media job", answers()),
        row(Fault::AssetIsHtml, "sends a page for the file of a media job", answers()),
    ]
}
