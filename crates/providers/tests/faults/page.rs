//! `docs/provider-faults.md`, made from the table. `UPDATE_DOCS=1 cargo test -p copydesk-providers --test faults` writes
//! it anew; without that the test only compares, so that the page stays true.

use std::fmt::Write;
use std::path::Path;

use copydesk_providers::Finish;

use crate::jobs;
use crate::want::{End, Mode, Row, Text, Used, Want};

const HEAD: &str = "# What a provider may do, and what comes of it

Made by `crates/providers/tests/faults` from the table its tests run: each line is a way the fake provider misbehaves,
against the adapters openai-compatible, openai, openrouter, anthropic, gemini and ollama, in a plain call and in a stream.
Do not edit it: change the table and run `UPDATE_DOCS=1 cargo test -p copydesk-providers --test faults`.

- **Fault**: the fake's name for it; `@` is the place where it strikes, when not its own. **P**: the behaviour in the
  specification's list of 24, `-` for none.
- **Class**: what the adapter makes of it. `success, flagged` is kept, with the odd reason in the draft's provenance and a
  line in the log.
- **Again**: whether the same model is tried once more: `yes` as often as the recipe gives attempts, `once`, or `no`.
  Another model of the route may be tried all the same.
- **Text**, **usage**: what the report keeps of the text, and whose figures it has. `none` is not zero: where the provider
  may have worked, the books have an estimate that says that it is one. `so far`: what the format has said by the middle of
  a stream - Anthropic the input, Gemini both figures, the others nothing.
- `a / b`: a plain call / a stream. `acme` stands for the provider's name.

In every line the request counts as sent, the provider's log holds exactly the calls that were made, the provider's own
words go to the operator with all keys removed, and nothing but the sentence goes to the user.
";

const TAIL: &str = "
## Before a request is sent

| What happens | Class | Again | The user reads |
|---|---|---|---|
| the name cannot be resolved | `network` | yes | acme could not be reached, or the connection broke. |
| nobody listens | `network` | yes | acme could not be reached, or the connection broke. |
| the server speaks no TLS | `network` | yes | acme could not be reached, or the connection broke. |
| the certificate is not valid | `certificate` | no | The connection to acme is not safe: its certificate is not valid. |

None of these sends a byte of the request, and none falls back to plain text.

## Where the specification is not followed to the letter, and why

- *P3, a stream cut before its final event is never a success.* The final event is taken to be the one with the finish
  reason: what follows it is figures and a mark. A whole text is not thrown away and paid for twice because `[DONE]` is
  missing; missing figures are estimated.
- *P6, two kinds of length.* RFC 9112 says that the chunks count, and they are whole. It is a success.
- *P11, a total that is not the sum of its parts.* The total is never read, so it can mislead nobody, and nothing is flagged.
- *P13, lines of 64 KiB.* One event may have 1 MiB, because whole JSON answers and tool calls come in one. The bounds on
  memory (8 MiB an answer, 64 MiB for the process) hold.
- *P22, a client that leaves is drained up to the usage event.* A generation does not end because its client leaves. A
  cancelled call closes its socket at once, which stops the bill at the providers that can stop, and its figures are estimated.
- *P23, a write timeout.* There is no limit of its own: the first-byte limit runs from the request's first byte.
- *An unknown outcome is replayed once* (providers.md, 1.1). Text is replayed as often as any failure that may pass, since
  P9 asks for it; each call is on the books, with an estimate where it may have been billed.
- *Any unknown reason to stop is flagged* (P16). Gemini's fail and are tried once more, as providers.md 1.2 has it.
";

const BODY: &str = "The body and the end of an answer";

const JOBS: &str = "
## Media jobs

Submitted well, asked for, and fetched; what one of these steps makes of it. Only `server_error` and `upstream_timed_out` are
worth another job, and it is the caller who decides to pay for one.

";

pub fn page() -> String {
    let mut page = HEAD.to_owned();
    let parts = [
        ("The connection and the size", crate::connection::table()),
        (BODY, crate::body::table()),
        ("Error statuses", crate::status::table()),
    ];
    for (title, rows) in parts {
        write!(page, "\n## {title}\n\n").unwrap();
        page.push_str("| Fault | P | The provider | Class | Code | Again | Text | Usage | The user reads |\n");
        page.push_str("|---|---|---|---|---|---|---|---|---|\n");
        rows.iter().filter(|row| !jobs::is_of_a_job(row.fault)).for_each(|row| page.push_str(&line(row)));
        if title == BODY {
            page.push_str("\nFaults of media jobs leave a chat alone; they have a table below.\n");
        }
        let exceptions: String = rows.iter().map(exceptions).collect();
        if !exceptions.is_empty() {
            write!(page, "\nBut:\n\n{exceptions}").unwrap();
        }
    }
    page.push_str(JOBS);
    page.push_str(&jobs::page(&crate::body::table()));
    page + TAIL
}

fn line(row: &Row) -> String {
    let behaviour = match row.fault.behaviour() {
        0 => "-".to_owned(),
        number => format!("P{number}"),
    };
    let both = |of: &dyn Fn(&Want) -> String| {
        let (plain, stream) = (of(&row.plain), of(&row.stream));
        if plain == stream { plain } else { format!("{plain} / {stream}") }
    };
    let cells = [
        format!("`{}`", row.name()),
        behaviour,
        row.does.to_owned(),
        both(&class),
        both(&code),
        both(&again),
        both(&text),
        both(&usage),
        both(&reads),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn exceptions(row: &Row) -> String {
    let one = |but: &crate::want::But| {
        let who: Vec<&str> = but.who.iter().map(|who| who.as_str()).collect();
        let modes = match but.modes {
            [Mode::Plain] => ", plain",
            [Mode::Stream] => ", streamed",
            _ => "",
        };
        let want = &but.want;
        let kept = format!("again: {}; text: {}; usage: {}", again(want), text(want), usage(want));
        format!("- `{}`, {}{modes}: {} ({kept}) - {}.\n", row.name(), who.join(", "), class(want), but.why)
    };
    row.buts.iter().map(one).collect()
}

fn class(want: &Want) -> String {
    match &want.end {
        End::Answer(Finish::Stop) => "success".to_owned(),
        End::Answer(Finish::Unknown(_)) => "success, flagged".to_owned(),
        End::Answer(finish @ (Finish::Length | Finish::ContentFilter | Finish::ToolCalls)) => {
            format!("stopped: `{}`", finish.as_str())
        }
        End::Fails(class) => format!("`{}`", class.as_str()),
    }
}

fn code(want: &Want) -> String {
    want.failure().map_or_else(|| "-".to_owned(), |(code, ..)| format!("`{code}`"))
}

fn again(want: &Want) -> String {
    match want.wait {
        Some(wait) if !wait.is_zero() => format!("{}, after {} s", want.retried(), wait.as_secs_f64()),
        Some(_) | None => want.retried().to_owned(),
    }
}

fn text(want: &Want) -> String {
    match want.text {
        Text::Nothing => "none",
        Text::Part => "part",
        Text::Whole | Text::Exactly(_) => "whole",
    }
    .to_owned()
}

fn usage(want: &Want) -> String {
    match want.used {
        Used::Unknown => "none",
        Used::Billed => "reported",
        Used::OutputOnly => "output only",
        Used::SoFar => "so far",
    }
    .to_owned()
}

fn reads(want: &Want) -> String {
    want.failure().map_or_else(|| "-".to_owned(), |(_, sentence, _)| sentence.to_owned())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says whether the page is written anew")]
fn the_page_says_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/provider-faults.md");
    let page = page();
    if std::env::var("UPDATE_DOCS").is_ok_and(|wish| wish == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(written.lines()).find(|(new, old)| new != old);
    assert!(page == written, "docs/provider-faults.md is old, first at {differs:?}: run with UPDATE_DOCS=1");
}
