//! Every way the fake can misbehave, as one list: a name, the behaviour of `reference/reliability.md` 5.8 it belongs to
//! (P1-P24, 0 for none), and the family that carries it out. It performs nothing; `compose.rs` and `wire.rs` do.
//!
//! Two behaviours are no answer to a request: nobody listens (P20) is [`crate::Refused`], and an answer after the lease
//! was lost (P18) is [`Fault::Hold`] with [`crate::FakeProvider::release_held`]. P22, a client that leaves in the middle,
//! is `hold&after=content`.

use crate::answer::{Finish, Lie, OddText};

/// The moment at which a break strikes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum At {
    /// Not a byte was answered.
    BeforeHead,
    /// Status and headers are out.
    Head,
    /// The first piece of a stream is out; of a whole body, its first byte.
    First,
    /// Some content of a stream is out; of a whole body, half of it.
    Content,
    /// Everything is out.
    End,
}

impl At {
    pub const ALL: [At; 5] = [At::BeforeHead, At::Head, At::First, At::Content, At::End];

    pub const fn as_str(self) -> &'static str {
        match self {
            At::BeforeHead => "before_head",
            At::Head => "head",
            At::First => "first",
            At::Content => "content",
            At::End => "end",
        }
    }

    pub fn parse(word: &str) -> Option<At> {
        At::ALL.into_iter().find(|at| at.as_str() == word)
    }
}

/// Which part of the fake carries a fault out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    /// The dialect's own error answer.
    Refuse(Refusal),
    /// A good answer with something wrong in it.
    Twist(Twist),
    /// A body no dialect knows.
    Page(Page),
    /// The connection or its framing goes wrong.
    Break(Break, At),
    /// More bytes than anybody wants.
    Flood(Flood),
    /// Something happens before the body of the request was read.
    Early(Early),
    /// A media job or its asset goes wrong.
    Job(JobTwist),
    /// Three of ten requests get one of 500, 502, 503, 504, 529 in turn; by the order of arrival.
    Mixed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub status: u16,
    pub why: Why,
    pub retry_after: RetryAfter,
}

/// What an error answer says beyond its status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// What the status alone means.
    Plain,
    /// No money or quota is left; waiting does not help.
    QuotaExhausted,
    QuotaPerDay,
    QuotaPerMinute,
    ContextTooLong,
    ModelGone,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RetryAfter {
    Absent,
    Literal(&'static str),
    /// A whole number of milliseconds, in OpenAI's own header.
    Millis(&'static str),
    /// An HTTP date two seconds after the answer.
    DateSoon,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Twist {
    Finish(Finish),
    Empty,
    Usage(Lie),
    SameId,
    OtherModel,
    Text(OddText),
    TruncatedJson,
    SseCut,
    MissingFinalEvent,
    ErrorFirst,
    ErrorMidStream,
    ContentType(Option<&'static str>),
    SseForJson,
    Whitespace,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Page {
    Html(u16, &'static str),
    Text,
    Empty,
    InvalidJson,
    ErrorString,
    ErrorCodeNumber,
    ErrorCodeString,
    ErrorArray,
    Redirect(u16),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Break {
    Hang,
    Hold,
    Reset,
    /// An orderly end (FIN) where more was promised.
    Close,
    Drip,
    /// Framed in chunks, then closed without the last one.
    CloseInChunks,
    BadChunkSize,
    ChunkLengthLies,
    BothLengths,
    TlsGarbage,
    ContinueFirst,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flood {
    GzipBomb,
    Body,
    Headers,
    Line,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Early {
    TooLarge,
    Answer,
    ReadNothing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JobTwist {
    Error,
    Filtered,
    Expired,
    Stuck,
    Lost,
    AssetGone,
    AssetIsHtml,
}

const fn status(status: u16) -> Family {
    Family::Refuse(Refusal { status, why: Why::Plain, retry_after: RetryAfter::Absent })
}

const fn limited(retry_after: RetryAfter) -> Family {
    Family::Refuse(Refusal { status: 429, why: Why::Plain, retry_after })
}

const fn because(status: u16, why: Why) -> Family {
    Family::Refuse(Refusal { status, why, retry_after: RetryAfter::Absent })
}

macro_rules! faults {
    ($( $(#[doc = $doc:literal])* $name:ident = $word:literal, $behaviour:literal, $family:expr; )*) => {
        /// One misbehaviour.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Fault { $( $(#[doc = $doc])* $name, )* }

        impl Fault {
            pub const ALL: &'static [Fault] = &[ $( Fault::$name, )* ];

            /// The name in model strings, headers and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $( Fault::$name => $word, )* }
            }

            /// The number of the behaviour in the table P1-P24; 0 where that table has none.
            pub const fn behaviour(self) -> u8 {
                match self { $( Fault::$name => $behaviour, )* }
            }

            pub(crate) const fn family(self) -> Family {
                match self { $( Fault::$name => $family, )* }
            }
        }
    };
}

faults! {
    // --- the connection ---------------------------------------------------------------------------------------------
    /// Reads the request and never answers.
    HangBeforeHead = "hang_before_head", 1, Family::Break(Break::Hang, At::BeforeHead);
    /// Sends status and headers, then nothing.
    HangAfterHead = "hang_after_head", 1, Family::Break(Break::Hang, At::Head);
    /// Sends part of the body, then nothing.
    HangMidBody = "hang_mid_body", 1, Family::Break(Break::Hang, At::Content);
    /// Waits for [`crate::FakeProvider::release_held`] and then answers well; `after=content` holds in the middle.
    Hold = "hold", 18, Family::Break(Break::Hold, At::BeforeHead);
    /// One byte each `interval_ms` (1,000 unless told).
    Drip = "drip", 2, Family::Break(Break::Drip, At::BeforeHead);
    /// RST instead of an answer.
    ResetBeforeHead = "reset_before_head", 0, Family::Break(Break::Reset, At::BeforeHead);
    /// RST behind the headers.
    ResetAfterHead = "reset_after_head", 0, Family::Break(Break::Reset, At::Head);
    /// RST in the middle of the body.
    ResetMidBody = "reset_mid_body", 0, Family::Break(Break::Reset, At::Content);
    /// RST behind the last byte of a whole answer.
    ResetAfterBody = "reset_after_body", 14, Family::Break(Break::Reset, At::End);
    /// FIN instead of an answer.
    CloseBeforeHead = "close_before_head", 0, Family::Break(Break::Close, At::BeforeHead);
    /// FIN behind the headers.
    CloseAfterHead = "close_after_head", 0, Family::Break(Break::Close, At::Head);
    /// FIN in the middle of a body; `content-length` (a stream: the missing last chunk) says that more was due.
    TruncatedBody = "truncated_body", 3, Family::Break(Break::Close, At::Content);
    /// The same, always in chunks.
    TruncatedChunked = "truncated_chunked", 6, Family::Break(Break::CloseInChunks, At::Content);
    /// A chunk whose size is no number, in the middle of the body.
    BrokenChunks = "broken_chunks", 6, Family::Break(Break::BadChunkSize, At::Content);
    /// A chunk that is longer than its size says.
    ChunkLengthLies = "chunk_length_lies", 6, Family::Break(Break::ChunkLengthLies, At::Content);
    /// `content-length` and `transfer-encoding: chunked` in one head; the body is in chunks.
    BothLengths = "both_lengths", 6, Family::Break(Break::BothLengths, At::Head);
    /// Bytes of a TLS record that is none, in place of an answer. A client that speaks TLS gets them without asking.
    TlsGarbage = "tls_garbage", 20, Family::Break(Break::TlsGarbage, At::BeforeHead);
    /// `100 Continue` that nobody asked for, then a good answer.
    ContinueFirst = "continue_first", 21, Family::Break(Break::ContinueFirst, At::BeforeHead);
    /// 413 before the body of the request is read.
    Early413 = "early_413", 21, Family::Early(Early::TooLarge);
    /// A good answer before the body of the request is read.
    EarlyAnswer = "early_answer", 21, Family::Early(Early::Answer);
    /// Accepts and reads no more than the head of the request, ever.
    ReadNothing = "read_nothing", 23, Family::Early(Early::ReadNothing);
    // --- the body ---------------------------------------------------------------------------------------------------
    /// JSON cut in the middle, in a transfer that ends as promised.
    TruncatedJson = "truncated_json", 3, Family::Twist(Twist::TruncatedJson);
    /// A stream that ends properly after its content: no finish reason, no usage, no last event.
    SseCut = "sse_cut", 3, Family::Twist(Twist::SseCut);
    /// Everything but the last event (`[DONE]`, `message_stop`; of Gemini and Ollama the chunk with the finish reason).
    MissingFinalEvent = "missing_final_event", 3, Family::Twist(Twist::MissingFinalEvent);
    /// Everything but the finish reason, which is null.
    MissingFinish = "missing_finish", 16, Family::Twist(Twist::Finish(Finish::Absent));
    /// A proxy's page with 200.
    Html200 = "html_200", 4, Family::Page(Page::Html(200, "text/html; charset=utf-8"));
    /// The same page called JSON.
    HtmlAsJson = "html_as_json", 4, Family::Page(Page::Html(200, "application/json"));
    /// The same page with 502.
    Html502 = "html_502", 4, Family::Page(Page::Html(502, "text/html; charset=utf-8"));
    /// One line of plain text with 200.
    Text200 = "text_200", 4, Family::Page(Page::Text);
    /// 200 and nothing.
    Empty200 = "empty_200", 5, Family::Page(Page::Empty);
    /// 200 and something that only looks like JSON.
    InvalidJson = "invalid_json", 5, Family::Page(Page::InvalidJson);
    /// 200 `{"error": "text"}`.
    ErrorString200 = "error_string_200", 5, Family::Page(Page::ErrorString);
    /// 200 with an error object whose code is a number.
    ErrorObject200 = "error_object_200", 5, Family::Page(Page::ErrorCodeNumber);
    /// 200 with an error object whose code is a text.
    ErrorObject200Text = "error_object_200_text", 5, Family::Page(Page::ErrorCodeString);
    /// 200 with an array of one error object.
    ErrorArray200 = "error_array_200", 5, Family::Page(Page::ErrorArray);
    /// 200, partial content, finish reason `error`, and the error inside the choice.
    ErrorInChoices = "error_in_choices", 5, Family::Twist(Twist::Finish(Finish::Failed));
    /// A stream whose first event is an error; a plain call gets `error_object_200`.
    ErrorFirst = "error_first", 5, Family::Twist(Twist::ErrorFirst);
    /// A stream with an error behind some content; a plain call gets `error_in_choices`.
    ErrorMidStream = "error_mid_stream", 5, Family::Twist(Twist::ErrorMidStream);
    /// A good answer called `text/html`.
    JsonAsHtml = "json_as_html", 4, Family::Twist(Twist::ContentType(Some("text/html")));
    /// A good answer without a content type.
    NoContentType = "no_content_type", 4, Family::Twist(Twist::ContentType(None));
    /// A stream called `application/json`, whether one was asked for or not.
    SseAsJson = "sse_as_json", 4, Family::Twist(Twist::SseForJson);
    /// 302 to the second listener.
    Redirect302 = "redirect_302", 15, Family::Page(Page::Redirect(302));
    /// 307 to the second listener.
    Redirect307 = "redirect_307", 15, Family::Page(Page::Redirect(307));
    // --- floods -----------------------------------------------------------------------------------------------------
    /// A good answer behind 10 MiB of line feeds.
    Whitespace10Mib = "whitespace_10mib", 13, Family::Twist(Twist::Whitespace);
    /// 10 MB of gzip that are 10 GiB of JSON.
    GzipBomb = "gzip_bomb", 13, Family::Flood(Flood::GzipBomb);
    /// 1 GiB of JSON.
    Body1Gib = "body_1gib", 13, Family::Flood(Flood::Body);
    /// 100,000 header lines in front of a good answer.
    Headers100k = "headers_100k", 13, Family::Flood(Flood::Headers);
    /// One line of 50 MiB in an event stream.
    Line50Mib = "line_50mib", 13, Family::Flood(Flood::Line);
    // --- statuses, in the dialect's own shape -----------------------------------------------------------------------
    Status400 = "status_400", 10, status(400);
    Status401 = "status_401", 10, status(401);
    Status402 = "status_402", 10, status(402);
    Status403 = "status_403", 10, status(403);
    Status404 = "status_404", 10, status(404);
    Status408 = "status_408", 0, status(408);
    Status409 = "status_409", 0, status(409);
    Status413 = "status_413", 0, status(413);
    Status422 = "status_422", 10, status(422);
    Status425 = "status_425", 0, status(425);
    /// 429 without any word on when to come back. Without `times` it is the storm of P8.
    Status429 = "status_429", 8, limited(RetryAfter::Absent);
    /// 429, `retry-after: 2`.
    RetryAfterSeconds = "retry_after_seconds", 7, limited(RetryAfter::Literal("2"));
    /// 429, `retry-after: 0.25`.
    RetryAfterFraction = "retry_after_fraction", 7, limited(RetryAfter::Literal("0.25"));
    /// 429, `retry-after` is the HTTP date two seconds from now.
    RetryAfterDate = "retry_after_date", 7, limited(RetryAfter::DateSoon);
    /// 429, `retry-after` is an HTTP date of 2015.
    RetryAfterDatePast = "retry_after_date_past", 7, limited(RetryAfter::Literal("Wed, 21 Oct 2015 07:28:00 GMT"));
    /// 429, `retry-after-ms: 1500`.
    RetryAfterMs = "retry_after_ms", 7, limited(RetryAfter::Millis("1500"));
    /// 429, `retry-after: 0`.
    RetryAfterZero = "retry_after_zero", 7, limited(RetryAfter::Literal("0"));
    /// 429, `retry-after: -1`.
    RetryAfterNegative = "retry_after_negative", 7, limited(RetryAfter::Literal("-1"));
    /// 429, `retry-after: 99999999`.
    RetryAfterHuge = "retry_after_huge", 7, limited(RetryAfter::Literal("99999999"));
    /// 429, `retry-after: soon, probably`.
    RetryAfterGarbage = "retry_after_garbage", 7, limited(RetryAfter::Literal("soon, probably"));
    Status500 = "status_500", 9, status(500);
    Status502 = "status_502", 9, status(502);
    Status503 = "status_503", 9, status(503);
    Status504 = "status_504", 9, status(504);
    Status524 = "status_524", 9, status(524);
    Status529 = "status_529", 9, status(529);
    /// Three of ten requests get 500, 502, 503, 504 or 529, in turn.
    Mixed5xx = "mixed_5xx", 9, Family::Mixed;
    /// No money left, in the dialect's words: OpenAI `insufficient_quota`, Anthropic `billing_error`, OpenRouter 402.
    QuotaExhausted = "quota_exhausted", 10, because(429, Why::QuotaExhausted);
    /// Gemini's `QuotaFailure` per day; elsewhere as `quota_exhausted`.
    QuotaPerDay = "quota_per_day", 10, because(429, Why::QuotaPerDay);
    /// Gemini's `QuotaFailure` per minute with `RetryInfo`; elsewhere as `retry_after_seconds`.
    QuotaPerMinute = "quota_per_minute", 7, because(429, Why::QuotaPerMinute);
    /// The prompt does not fit the model.
    ContextTooLong = "context_too_long", 10, because(400, Why::ContextTooLong);
    /// 404 after one good answer (`healthy=N`: after so many).
    ModelGone = "model_gone", 24, because(404, Why::ModelGone);
    // --- answers that are none --------------------------------------------------------------------------------------
    /// The model declines, or the prompt is blocked.
    Refusal = "refusal", 16, Family::Twist(Twist::Finish(Finish::Refused));
    /// A filter stopped the answer after half of it.
    ContentFilter = "content_filter", 16, Family::Twist(Twist::Finish(Finish::Filtered));
    /// Half of the answer, cut by the output limit.
    Length = "length", 16, Family::Twist(Twist::Finish(Finish::Length));
    /// A finish reason nobody has heard of.
    UnknownFinish = "unknown_finish", 16, Family::Twist(Twist::Finish(Finish::Unknown));
    /// A whole answer without any text.
    EmptyAnswer = "empty_answer", 16, Family::Twist(Twist::Empty);
    /// The same response id every time.
    SameId = "same_id", 19, Family::Twist(Twist::SameId);
    /// Another model answered than the one asked for.
    OtherModel = "other_model", 24, Family::Twist(Twist::OtherModel);
    // --- usage ------------------------------------------------------------------------------------------------------
    UsageMissing = "usage_missing", 11, Family::Twist(Twist::Usage(Lie::Missing));
    UsageNull = "usage_null", 11, Family::Twist(Twist::Usage(Lie::Null));
    UsageString = "usage_string", 11, Family::Twist(Twist::Usage(Lie::Text));
    UsageFloat = "usage_float", 11, Family::Twist(Twist::Usage(Lie::Float));
    UsageNegative = "usage_negative", 11, Family::Twist(Twist::Usage(Lie::Negative));
    /// Every figure is 9223372036854775808.
    UsageTwoPow63 = "usage_2_pow_63", 11, Family::Twist(Twist::Usage(Lie::TwoPow63));
    /// The total is not the sum of its parts.
    UsageParts = "usage_parts", 11, Family::Twist(Twist::Usage(Lie::Parts));
    /// The same figures twice: two chunks, or one JSON key two times.
    UsageTwice = "usage_twice", 11, Family::Twist(Twist::Usage(Lie::Twice));
    /// A million output tokens more than were written, and they are billed.
    UsageAboveHold = "usage_above_hold", 12, Family::Twist(Twist::Usage(Lie::AboveHold));
    // --- text -------------------------------------------------------------------------------------------------------
    /// The bytes FF FE inside the text.
    NonUtf8 = "non_utf8", 17, Family::Twist(Twist::Text(OddText::NonUtf8));
    /// U+0000 inside the text, escaped as JSON wants it.
    Nul = "nul", 17, Family::Twist(Twist::Text(OddText::Nul));
    /// A raw zero byte inside the text, which JSON forbids.
    NulRaw = "nul_raw", 17, Family::Twist(Twist::Text(OddText::NulRaw));
    /// `\ud800` without its other half.
    LoneSurrogate = "lone_surrogate", 17, Family::Twist(Twist::Text(OddText::LoneSurrogate));
    /// Every HTTP chunk ends in the middle of an emoji's four bytes.
    EmojiCut = "emoji_cut", 17, Family::Twist(Twist::Text(OddText::EmojiCut));
    /// The halves of a surrogate pair in two events of a stream; a plain answer has them escaped, side by side.
    EmojiHalves = "emoji_halves", 17, Family::Twist(Twist::Text(OddText::EmojiHalves));
    // --- media jobs -------------------------------------------------------------------------------------------------
    /// The job ends with an error.
    JobError = "job_error", 0, Family::Job(JobTwist::Error);
    /// The job ends well and everything it made was filtered out.
    JobFiltered = "job_filtered", 16, Family::Job(JobTwist::Filtered);
    /// The job ends as expired (Replicate: aborted).
    JobExpired = "job_expired", 0, Family::Job(JobTwist::Expired);
    /// The job never gets further than being worked on.
    JobStuck = "job_stuck", 1, Family::Job(JobTwist::Stuck);
    /// Polls answer 404.
    JobLost = "job_lost", 24, Family::Job(JobTwist::Lost);
    /// The asset answers 404.
    AssetGone = "asset_gone", 0, Family::Job(JobTwist::AssetGone);
    /// The asset is a page of HTML that claims to be the asset.
    AssetIsHtml = "asset_is_html", 4, Family::Job(JobTwist::AssetIsHtml);
}

impl Fault {
    /// Short names: `reset`, `hang` and `close` strike in mid body.
    pub fn parse(word: &str) -> Option<Fault> {
        match word {
            "reset" => Some(Fault::ResetMidBody),
            "hang" => Some(Fault::HangMidBody),
            "close" => Some(Fault::TruncatedBody),
            _ => Fault::ALL.iter().copied().find(|fault| fault.as_str() == word),
        }
    }

    pub(crate) const fn is_early(self) -> bool {
        matches!(self.family(), Family::Early(_))
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_parse_back() {
        let names: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.as_str()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        for fault in Fault::ALL {
            assert_eq!(Fault::parse(fault.as_str()), Some(*fault));
        }
        assert_eq!(Fault::parse("nothing_such"), None);
    }

    #[test]
    fn every_behaviour_of_the_table_has_a_fault() {
        let covered: BTreeSet<u8> = Fault::ALL.iter().map(|fault| fault.behaviour()).collect();
        // P22 is a client that leaves: `hold&after=content` is what the provider does meanwhile.
        let missing: Vec<u8> = (1..=24).filter(|number| *number != 22 && !covered.contains(number)).collect();
        assert_eq!(missing, Vec::<u8>::new());
    }
}
