//! The unsubscribe link: it names a mail and is signed with the secret of its mailing. Nothing is stored for it, it says nothing
//! to whoever reads it, and it holds as long as the mail stands in the send log: through restarts, on every node, whatever
//! becomes of the keys of the installation.

use copydesk_core::mail::Secret;
use copydesk_core::{MailId, WorkspaceId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use uuid::Uuid;

const PREFIX: &[u8] = b"copydesk unsubscribe";
const MAC_BYTES: usize = 16;
const BYTES: usize = 16 + 16 + MAC_BYTES;

/// A link, read and not yet believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    pub workspace: WorkspaceId,
    pub mail: MailId,
    mac: [u8; MAC_BYTES],
}

impl Link {
    pub fn sign(workspace: WorkspaceId, mail: MailId, secret: &Secret) -> Link {
        let mut link = Link { workspace, mail, mac: [0; MAC_BYTES] };
        let whole = link.signature(secret).finalize().into_bytes();
        link.mac.copy_from_slice(&whole[..MAC_BYTES]);
        link
    }

    /// Whether this secret signed it.
    pub fn holds(&self, secret: &Secret) -> bool {
        self.signature(secret).verify_truncated_left(&self.mac).is_ok()
    }

    fn signature(&self, secret: &Secret) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("HMAC takes keys of any length");
        mac.update(PREFIX);
        mac.update(self.workspace.0.as_bytes());
        mac.update(self.mail.0.as_bytes());
        mac
    }

    pub fn parse(text: &str) -> Option<Link> {
        if text.len() != 2 * BYTES || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut bytes = [0; BYTES];
        for (byte, at) in bytes.iter_mut().zip((0..text.len()).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&bytes[32..]);
        let workspace = WorkspaceId(Uuid::from_slice(&bytes[..16]).ok()?);
        Some(Link { workspace, mail: MailId(Uuid::from_slice(&bytes[16..32]).ok()?), mac })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.workspace.0.as_bytes().iter().chain(self.mail.0.as_bytes());
        named.chain(&self.mac).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: Secret = Secret([7; Secret::BYTES]);

    fn link() -> Link {
        Link::sign(WorkspaceId(Uuid::from_u128(1)), MailId(Uuid::from_u128(2)), &SECRET)
    }

    #[test]
    fn a_link_holds_for_its_mail_and_workspace_only() {
        let text = link().to_string();
        let read = Link::parse(&text).unwrap();
        assert_eq!(read, link());
        assert!(read.holds(&SECRET) && !read.holds(&Secret([8; Secret::BYTES])));
        assert!(!Link { mail: MailId(Uuid::from_u128(3)), ..read }.holds(&SECRET));
        assert!(!Link { workspace: WorkspaceId(Uuid::from_u128(3)), ..read }.holds(&SECRET));
        for place in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[place] = if other[place] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            assert!(!Link::parse(&other).unwrap().holds(&SECRET), "{place}");
        }
    }

    #[test]
    fn what_is_no_link_is_none() {
        let text = link().to_string();
        for bad in ["", "x", &text[1..], &format!("{text}0"), &text.to_uppercase(), &"\u{e4}".repeat(48)] {
            assert_eq!(Link::parse(bad), None, "{bad:?}");
        }
    }
}
