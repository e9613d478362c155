//! The way to a mail server. The real one is crate `smtp`; tests of the desk have their own.

use copydesk_core::mail::{Reply, Verdict};
use copydesk_smtp::{Line, Smtp, Written};
use futures::future::BoxFuture;

pub trait Mailer: Send + Sync {
    /// A talk with the server, ready for mails.
    ///
    /// Errors: what that says about the mails that were to be sent. None was.
    fn open(&self) -> BoxFuture<'_, Result<Box<dyn MailerLine>, (Verdict, Reply)>>;

    /// What the server is called, for people.
    fn place(&self) -> String;
}

pub trait MailerLine: Send {
    fn send<'a>(&'a mut self, mail: &'a Written) -> BoxFuture<'a, (Verdict, Reply)>;
    /// Nothing more can be said here.
    fn is_broken(&self) -> bool;
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

impl Mailer for Smtp {
    fn open(&self) -> BoxFuture<'_, Result<Box<dyn MailerLine>, (Verdict, Reply)>> {
        Box::pin(async { Ok(Box::new(Smtp::open(self).await?) as Box<dyn MailerLine>) })
    }
    fn place(&self) -> String {
        format!("{}:{}", self.server.host, self.server.port)
    }
}

impl MailerLine for Line {
    fn send<'a>(&'a mut self, mail: &'a Written) -> BoxFuture<'a, (Verdict, Reply)> {
        Box::pin(Line::send(self, mail))
    }
    fn is_broken(&self) -> bool {
        Line::is_broken(self)
    }
    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(Line::close(*self))
    }
}
