//! The rows about the connection, its framing, and answers that are too large (P1, P2, P6, P13, P14, P20, P21, P23).

use copydesk_fakeprovider::{At, Fault};
use copydesk_providers::ErrorClass;

use crate::want::{FIRST_BYTE, IDLE, Row, Text, Used, answers, cut, fails, row, rows};

pub fn table() -> Vec<Row> {
    let silence = |class| fails(class).with(Text::Part).used(Used::SoFar);
    let network = fails(ErrorClass::Network);
    let broken = fails(ErrorClass::CutOff);
    let unreadable = fails(ErrorClass::Malformed);
    vec![
        row(Fault::HangBeforeHead, "reads the request and never answers", fails(FIRST_BYTE)).hasty(),
        row(Fault::HangAfterHead, "sends status and headers, then nothing", fails(FIRST_BYTE)).hasty(),
        rows(Fault::HangMidBody, "sends part of the answer, then nothing", fails(IDLE), silence(IDLE)).hasty(),
        row(Fault::HangMidBody, "sends everything and keeps the connection", answers()).at(At::End).hasty(),
        row(Fault::Hold, "answers after we stopped waiting", fails(FIRST_BYTE)).hasty(),
        rows(Fault::Hold, "finishes after we stopped waiting", fails(IDLE), silence(IDLE)).at(At::Content).hasty(),
        row(Fault::Drip, "sends its headers byte by byte, too slowly", fails(FIRST_BYTE)).hasty(),
        row(Fault::Drip, "sends its answer byte by byte, too slowly", fails(IDLE)).at(At::Head).hasty(),
        row(Fault::ResetBeforeHead, "resets the connection instead of answering", network.clone()),
        row(Fault::ResetAfterHead, "resets the connection behind the headers", broken.clone()),
        rows(Fault::ResetMidBody, "resets the connection in the middle of the answer", broken.clone(), cut()),
        row(Fault::ResetAfterBody, "resets the connection behind a whole answer", answers()),
        row(Fault::CloseBeforeHead, "closes the connection instead of answering", network.clone()),
        row(Fault::CloseAfterHead, "closes the connection behind the headers", broken.clone()),
        rows(Fault::TruncatedBody, "closes the connection in the middle of the answer", broken.clone(), cut()),
        row(Fault::TruncatedBody, "closes the connection behind a whole answer", answers()).at(At::End),
        rows(Fault::TruncatedChunked, "leaves out the last chunks", broken.clone(), cut()),
        rows(Fault::BrokenChunks, "sends a chunk whose size is no number", broken.clone(), cut()),
        rows(Fault::ChunkLengthLies, "sends a chunk longer than its size says", broken.clone(), cut()),
        row(Fault::BothLengths, "sends two kinds of length; the chunks count (RFC 9112, 6.3)", answers()),
        row(Fault::TlsGarbage, "sends bytes that are no HTTP", unreadable.clone()),
        rows(Fault::TlsGarbage, "sends bytes that are no HTTP in the middle", broken.clone(), cut()).at(At::Content),
        row(Fault::ContinueFirst, "says 100 Continue before a good answer", answers()),
        row(Fault::Early413, "says 413 before it has read the request", fails(ErrorClass::TooLarge)),
        row(Fault::EarlyAnswer, "answers well before it has read the request", answers()),
        row(Fault::ReadNothing, "accepts the connection and never reads", fails(FIRST_BYTE)).hasty(),
        row(Fault::Whitespace10Mib, "sends 10 MiB of white space before the answer", unreadable.clone()),
        row(Fault::GzipBomb, "sends 10 MB of gzip that are 10 GiB", unreadable.clone()),
        row(Fault::Body1Gib, "sends 1 GiB", unreadable.clone()),
        row(Fault::Headers100k, "sends 100,000 header lines", unreadable.clone()),
        row(Fault::Line50Mib, "sends one line of 50 MiB", unreadable),
    ]
}
