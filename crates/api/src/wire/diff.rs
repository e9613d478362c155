//! What changed between two versions: lines, and inside them the pieces that differ.

use copydesk_core::recipe::Content;
use serde::Serialize;
use similar::{ChangeTag, InlineChangeOptions, TextDiff};
use std::time::Duration;
use utoipa::ToSchema;

/// Unchanged lines that are shown around a change.
const CONTEXT: usize = 3;
/// Lines that have less in common than this are a new line and an old one, not a changed one.
const ALIKE: f32 = 0.2;
/// How long the shortest way from one text to the other is looked for; then a longer one will do.
const LOOK_FOR: Duration = Duration::from_millis(200);

#[derive(Serialize, ToSchema)]
#[schema(as = DraftDiff)]
pub(crate) struct DiffBody {
    object: &'static str,
    draft_id: String,
    /// The older version; 0 is the empty draft.
    from: u32,
    to: u32,
    title: TitleDiff,
    /// Lines of the Markdown that are only in the newer version.
    added: usize,
    /// And only in the older one.
    removed: usize,
    /// Empty when the texts are the same.
    hunks: Vec<Hunk>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TitleDiff)]
struct TitleDiff {
    older: String,
    newer: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiffHunk)]
struct Hunk {
    /// Number of the first line in the older version, from 1.
    from_line: usize,
    to_line: usize,
    lines: Vec<Line>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiffLine)]
struct Line {
    op: Op,
    /// Together they are the line.
    pieces: Vec<Piece>,
}

#[derive(Serialize, ToSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
#[schema(as = DiffOp)]
enum Op {
    Equal,
    Insert,
    Delete,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DiffPiece)]
struct Piece {
    text: String,
    /// It is what differs from the line's counterpart.
    changed: bool,
}

impl DiffBody {
    /// `None` as the older content is the empty draft.
    pub fn of(draft_id: String, from: u32, to: u32, older: Option<&Content>, newer: &Content) -> DiffBody {
        let (old, new) = (older.map(Content::to_markdown).unwrap_or_default(), newer.to_markdown());
        let mut lines = TextDiff::configure();
        let lines = lines.timeout(LOOK_FOR).diff_lines(&old, &new);
        let mut hunks = Vec::new();
        for ops in lines.grouped_ops(CONTEXT) {
            let Some(first) = ops.first() else { continue };
            let (from_line, to_line) = (first.old_range().start + 1, first.new_range().start + 1);
            let changes = ops.iter().flat_map(|op| {
                lines.iter_inline_changes_with_options(op, *InlineChangeOptions::default().min_ratio(ALIKE))
            });
            let lines = changes.map(|change| Line {
                op: match change.tag() {
                    ChangeTag::Equal => Op::Equal,
                    ChangeTag::Insert => Op::Insert,
                    ChangeTag::Delete => Op::Delete,
                },
                pieces: pieces(change.iter_strings_lossy().map(|(changed, text)| (changed, text.into_owned()))),
            });
            hunks.push(Hunk { from_line, to_line, lines: lines.collect() });
        }
        let count = |op: Op| hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.op == op).count();
        let title =
            TitleDiff { older: older.map(|old| old.title.clone()).unwrap_or_default(), newer: newer.title.clone() };
        DiffBody {
            object: "diff",
            draft_id,
            from,
            to,
            title,
            added: count(Op::Insert),
            removed: count(Op::Delete),
            hunks,
        }
    }
}

/// Without the line's own end, and without empty ones.
fn pieces(found: impl Iterator<Item = (bool, String)>) -> Vec<Piece> {
    let bare = found.map(|(changed, text)| Piece { text: text.trim_end_matches('\n').to_owned(), changed });
    bare.filter(|piece| !piece.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::recipe::OutputForm;
    use serde_json::json;

    fn content(text: &str) -> Content {
        Content {
            title: text.lines().next().unwrap_or_default().to_owned(),
            form: OutputForm::Text,
            body: json!({ "text": text }),
        }
    }

    fn shown(body: &DiffBody) -> Vec<String> {
        let lines = body.hunks.iter().flat_map(|hunk| &hunk.lines).map(|line| {
            let pieces = line.pieces.iter().map(|p| if p.changed { format!("[{}]", p.text) } else { p.text.clone() });
            let mark = match line.op {
                Op::Equal => ' ',
                Op::Insert => '+',
                Op::Delete => '-',
            };
            format!("{mark}{}", pieces.collect::<String>())
        });
        lines.collect()
    }

    #[test]
    fn a_changed_word_is_marked_in_both_lines() {
        let (old, new) = (content("One\nThe quick fox.\nThree"), content("One\nThe slow fox.\nThree\nFour"));
        let body = DiffBody::of("drf_1".to_owned(), 1, 2, Some(&old), &new);
        assert_eq!(shown(&body), [" One", "-The [quick] fox.", "-Three", "+The [slow] fox.", "+Three", "+[Four]"]);
        assert_eq!((body.added, body.removed), (3, 2));
    }

    #[test]
    fn the_same_is_no_hunk_and_nothing_is_all_new() {
        let text = content("One\nTwo\n");
        assert!(DiffBody::of("drf_1".to_owned(), 1, 2, Some(&text), &text).hunks.is_empty());
        let all = DiffBody::of("drf_1".to_owned(), 0, 1, None, &text);
        assert_eq!((all.added, all.removed), (2, 0));
    }
}
