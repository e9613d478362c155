//! From a request and what it is to meet, to the script of its answer. Decisions only: it touches no socket.
//!
//! Where a fault makes no sense for a request, the nearest takes its place: twists of the text leave images, embeddings,
//! lists and jobs as they are; a cut stream is cut JSON in a plain call; an error inside a stream is an error in a 200.

use serde_json::{Value, json};

use crate::answer::{
    Answer, Finish, Lie, MARK, MARK_TAIL, OddText, filled, input_words, output_limit, pieces, prose, wanted_schema,
};
use crate::clock::Dates;
use crate::dialects::{Dialect, gemini, ollama, openai};
use crate::fault::{At, Early, Family, Page, Refusal, RetryAfter, Twist, Why};
use crate::flood;
use crate::log::Usage;
use crate::plan::{Options, Plan};
use crate::request::Head;
use crate::route::{Route, What};
use crate::twist;
use crate::wire::{Content, Reply, Script, Step, Strike, Style, script};

/// One request, understood.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub order: u64,
    pub route: Route,
    pub head: Head,
    pub body: Value,
    /// Without options.
    pub model: String,
    pub stream: bool,
    pub options: Options,
}

/// What an answer needs to know of the fake around it.
pub(crate) struct Around<'a> {
    pub base: &'a str,
    /// The second listener.
    pub elsewhere: &'a str,
    /// The text of the answer, where the test says it.
    pub says: Option<String>,
    pub dates: Dates,
    /// The answer to a request about a job, if it is one.
    pub job: Option<Reply>,
}

/// A page as proxies make them.
pub(crate) const PROXY_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n\
    <body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center>\n\
    <script>alert(\"from the provider\")</script></body></html>\n";

/// The words an answer has unless it was told otherwise.
const WORDS: usize = 12;

/// An answer and what it costs however far it gets.
struct Billed {
    reply: Reply,
    usage: Usage,
}

pub(crate) fn compose(ask: &Ask, plan: Option<Plan>, around: Around<'_>) -> Script {
    let free = |reply: &Reply| script(reply, None, Usage::default());
    let Some(plan) = plan else { return good(ask, None, None, around) };
    let mut composed = match plan.fault.family() {
        Family::Refuse(refusal) => free(&refused(ask, refusal, &around)),
        Family::Mixed => match mixed_status(ask.order) {
            Some(status) => {
                let refusal = Refusal { status, why: Why::Plain, retry_after: RetryAfter::Absent };
                free(&refused(ask, refusal, &around))
            }
            None => good(ask, None, None, around),
        },
        Family::Page(what) => free(&page(ask, what, &around)),
        Family::Early(Early::TooLarge) => {
            let refusal = Refusal { status: 413, why: Why::Plain, retry_after: RetryAfter::Absent };
            free(&refused(ask, refusal, &around))
        }
        Family::Early(Early::ReadNothing) => {
            let nothing = Reply::new(0, "", Content::Bytes(Vec::new()));
            Script { steps: vec![Step::Hang], reusable: false, ..free(&nothing) }
        }
        Family::Early(Early::Answer) | Family::Job(_) => good(ask, None, None, around),
        Family::Flood(what) => flood::script(ask, what, good_reply(ask, None, &around)),
        Family::Twist(twist) => good(ask, Some((twist, plan.after)), None, around),
        Family::Break(how, at) => {
            let strike = Strike { how, at: plan.after.unwrap_or(at), interval: plan.interval };
            good(ask, None, Some(strike), around)
        }
    };
    if ask.head.close {
        composed.reusable = false;
    }
    composed
}

/// Three of ten, the five statuses in turn.
fn mixed_status(order: u64) -> Option<u16> {
    const STATUSES: [u16; 5] = [500, 502, 503, 504, 529];
    let of_ten = [1, 4, 8].iter().position(|slot| *slot == order % 10)?;
    let turn = (order / 10) * 3 + of_ten as u64;
    STATUSES.get(usize::try_from(turn % 5).ok()?).copied()
}

type Twisted = Option<(Twist, Option<At>)>;

fn good(ask: &Ask, twisted: Twisted, strike: Option<Strike>, around: Around<'_>) -> Script {
    let billed = billed(ask, twisted, around);
    let mut owed = billed.usage;
    if matches!(billed.reply.content, Content::Events(..)) {
        // The words are added as they are written; what is left is thinking and what a lie adds.
        owed.output = owed.output.saturating_sub(event_words(&billed.reply));
    }
    script(&billed.reply, strike, owed)
}

fn event_words(reply: &Reply) -> u64 {
    match &reply.content {
        Content::Events(_, events) => events.iter().map(|event| event.words).sum(),
        Content::Json(_) | Content::Bytes(_) => 0,
    }
}

fn good_reply(ask: &Ask, twisted: Twisted, around: &Around<'_>) -> Reply {
    let around = Around {
        base: around.base,
        elsewhere: around.elsewhere,
        says: around.says.clone(),
        dates: around.dates.clone(),
        job: around.job.clone(),
    };
    billed(ask, twisted, around).reply
}

fn billed(ask: &Ask, twisted: Twisted, around: Around<'_>) -> Billed {
    let free = |reply: Reply| Billed { reply, usage: Usage::default() };
    let mut billed = match ask.route.what {
        What::Chat => chat(ask, twisted, around.says),
        What::Images => {
            let (value, usage) = openai::images(&ask.body, ask.order);
            Billed { reply: Reply::json(200, value), usage }
        }
        What::Embeddings => {
            let (value, usage) = openai::embeddings(&ask.body, &ask.model);
            Billed { reply: Reply::json(200, value), usage }
        }
        What::Models => free(Reply::json(200, models(ask.route.dialect))),
        What::JobStart
        | What::JobPoll
        | What::JobResult
        | What::JobCancel
        | What::JobContent
        | What::Asset
        | What::Unknown => {
            let unknown = || {
                let refusal = Refusal { status: 404, why: Why::Plain, retry_after: RetryAfter::Absent };
                let refused = ask.route.dialect.format().refused(refusal, ask.order);
                Reply::json(refused.status, refused.body)
            };
            free(around.job.unwrap_or_else(unknown))
        }
    };
    let headers = ask.route.dialect.format().headers(ask.order, &billed.reply.response_id);
    billed.reply.headers.extend(headers);
    if let Some((twist, at)) = twisted {
        twist::apply(&mut billed.reply, ask, twist, at);
    }
    billed
}

fn models(dialect: Dialect) -> Value {
    match dialect {
        Dialect::Ollama => ollama::tags(),
        Dialect::Gemini => json!({"models": [{"name": "models/fake-large", "displayName": "Fake"}]}),
        Dialect::OpenAi
        | Dialect::OpenRouter
        | Dialect::Anthropic
        | Dialect::Replicate
        | Dialect::Fal
        | Dialect::Asset
        | Dialect::Unknown => openai::models(),
    }
}

fn chat(ask: &Ask, twisted: Twisted, says: Option<String>) -> Billed {
    let twist = twisted.map(|(twist, _)| twist);
    let answer = answer(ask, twist, says);
    let format = ask.route.dialect.format();
    let wants_usage = ask.body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let style = format.style();
    let streams = ask.stream || twist == Some(Twist::SseForJson);
    let mut reply = if streams {
        let content_type = match style {
            Style::Sse => "text/event-stream",
            Style::NdJson => "application/x-ndjson",
        };
        Reply::new(200, content_type, Content::Events(style, format.events(&answer, wants_usage)))
    } else if makes_image(ask) {
        Reply::json(200, gemini::image(&answer))
    } else {
        Reply::json(200, format.whole(&answer))
    };
    reply.response_id.clone_from(&answer.id);
    if let Some(Twist::Text(odd)) = twist {
        reply.odd = Some(odd);
    }
    Billed { reply, usage: answer.usage }
}

/// Gemini's image models answer a chat with a picture.
fn makes_image(ask: &Ask) -> bool {
    ask.route.dialect == Dialect::Gemini
        && ask
            .body
            .pointer("/generationConfig/responseModalities")
            .is_some_and(|list| list.to_string().contains("IMAGE"))
}

fn answer(ask: &Ask, twist: Option<Twist>, says: Option<String>) -> Answer {
    let format = ask.route.dialect.format();
    let text = says
        .or_else(|| wanted_schema(&ask.body).map(|schema| filled(&schema, &schema).to_string()))
        .unwrap_or_else(|| prose(ask.options.words.unwrap_or(WORDS)));
    let unique = if twist == Some(Twist::SameId) { "fake-same".to_owned() } else { format!("fake-{}", ask.order) };
    let input = input_words(&ask.body);
    let thoughts = ask.options.thoughts.unwrap_or(if ask.route.dialect == Dialect::Gemini { 2 } else { 0 });
    let cached = ask.options.cached.unwrap_or(0).min(input);
    let mut answer = Answer {
        order: ask.order,
        id: format.response_id(&unique),
        model: ask.model.clone(),
        pieces: pieces(&text),
        finish: Finish::Stop,
        usage: Usage { input, output: 0, cached, reasoning: thoughts },
    };
    let limit = output_limit(&ask.body).and_then(|limit| usize::try_from(limit).ok());
    if limit.is_some_and(|limit| limit < answer.pieces.len()) {
        answer.pieces.truncate(limit.unwrap_or(0));
        answer.finish = Finish::Length;
    }
    let text = answer.text();
    answer.replace(&text);
    twist_answer(&mut answer, twist);
    answer
}

fn twist_answer(answer: &mut Answer, twist: Option<Twist>) {
    match twist {
        Some(Twist::Finish(finish)) => {
            answer.finish = finish;
            match finish {
                Finish::Length | Finish::Filtered | Finish::Failed => answer.halve(),
                Finish::Refused => answer.replace("I can't help with that."),
                Finish::Stop | Finish::Unknown | Finish::Absent => {}
            }
        }
        Some(Twist::Empty) => answer.replace(""),
        Some(Twist::OtherModel) => answer.model = "fake-other-model".to_owned(),
        Some(Twist::Usage(Lie::AboveHold)) => answer.usage.output += crate::answer::ABOVE_HOLD_TOKENS,
        Some(Twist::ErrorMidStream) => answer.halve(),
        Some(Twist::Text(odd)) => {
            let text = match odd {
                OddText::Nul => "An odd\0 text from afar".to_owned(),
                OddText::EmojiCut => "An odd 🙂 text from 🦀 afar".to_owned(),
                OddText::EmojiHalves => format!("An odd {MARK}{MARK_TAIL} text from afar"),
                OddText::NonUtf8 | OddText::NulRaw | OddText::LoneSurrogate => format!("An odd {MARK} text from afar"),
            };
            answer.replace(&text);
            if odd == OddText::EmojiHalves {
                let at = answer.pieces.iter().position(|piece| piece.contains(MARK)).unwrap_or(0);
                answer.pieces.splice(at..=at, [MARK.to_string(), format!("{MARK_TAIL} ")]);
                // A stream bills each half as a word, and so does the report.
                answer.usage.output = 7 + answer.usage.reasoning;
            }
        }
        Some(
            Twist::Usage(_)
            | Twist::SameId
            | Twist::TruncatedJson
            | Twist::SseCut
            | Twist::MissingFinalEvent
            | Twist::ErrorFirst
            | Twist::ContentType(_)
            | Twist::SseForJson
            | Twist::Whitespace,
        )
        | None => {}
    }
}

fn refused(ask: &Ask, refusal: Refusal, around: &Around<'_>) -> Reply {
    let format = ask.route.dialect.format();
    let refused = format.refused(refusal, ask.order);
    let mut reply = Reply::json(refused.status, refused.body);
    reply.headers = format.headers(ask.order, "");
    reply.headers.retain(|(_, value)| !value.is_empty());
    if ask.route.dialect == Dialect::Fal {
        let kind = crate::dialects::fal::error_type(refused.status);
        reply = reply.with_header("x-fal-error-type", kind);
    }
    if refusal.retry_after != RetryAfter::Absent {
        // A wait that is a date means nothing without the answer's own.
        reply = reply.with_header("date", around.dates.now.as_str());
    }
    match (refusal.retry_after, refusal.why) {
        (RetryAfter::Absent, Why::QuotaPerMinute) => reply.with_header("retry-after", "2"),
        (RetryAfter::Absent, _) => reply,
        (RetryAfter::Literal(value), _) => reply.with_header("retry-after", value),
        (RetryAfter::Millis(value), _) => reply.with_header("retry-after-ms", value),
        (RetryAfter::DateSoon, _) => reply.with_header("retry-after", around.dates.soon.as_str()),
    }
}

fn page(ask: &Ask, what: Page, around: &Around<'_>) -> Reply {
    let bytes =
        |content_type: &str, text: &str| Reply::new(200, content_type, Content::Bytes(text.as_bytes().to_vec()));
    let sentence = "The provider could not answer.";
    match what {
        Page::Html(status, content_type) => {
            Reply::new(status, content_type, Content::Bytes(PROXY_PAGE.as_bytes().to_vec()))
        }
        Page::Text => bytes("text/plain", "upstream connect error or disconnect/reset before headers"),
        Page::Empty => bytes("application/json", ""),
        Page::InvalidJson => bytes("application/json", "{\"id\": 'single quotes', choices: [undefined,]}"),
        Page::ErrorString => Reply::json(200, json!({"error": sentence})),
        Page::ErrorCodeNumber => Reply::json(200, json!({"error": {"code": 502, "message": sentence}})),
        Page::ErrorCodeString => Reply::json(200, json!({"error": {"code": "server_error", "message": sentence}})),
        Page::ErrorArray => Reply::json(200, json!([{"error": {"code": 503, "message": sentence}}])),
        Page::Redirect(status) => {
            let mut reply = bytes("text/html", "<html>This way.</html>");
            reply.status = status;
            reply.with_header("location", format!("{}{}", around.elsewhere, ask.head.target))
        }
    }
}
