//! Mail to one SMTP server: what a mail looks like on its way, and how the talk with the server went, stage by stage. The
//! library's own `send` hides the stage at which a talk broke, and whether a mail may be sent again hangs on exactly that; so the
//! commands are given one by one here.
//! `domains.rs` stands beside that: whether mail gets to a domain at all.

mod address;
mod domains;
mod letter;
mod line;
mod sip;

pub use address::{Authority, BadServer, Security, Server, check_mailbox, domain_of};
pub use domains::Domains;
pub use letter::{BadLetter, Letter, Written};
pub use line::{Line, Smtp, Waits};
