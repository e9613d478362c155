//! The talk with the server, one command at a time.

use crate::address::{Security, Server};
use crate::letter::Written;
use crate::sip::Sipped;
use copydesk_core::mail::{Reply, Stage, Verdict};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest word of a server that is kept. Units: signs.
const WORDS_MAX: usize = 500;

/// How long a server may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waits {
    /// To be reached and to greet; to encrypt.
    pub connect: Duration,
    /// For one command.
    pub command: Duration,
    /// To take the message and say what it thinks of it.
    pub message: Duration,
}

impl Default for Waits {
    /// RFC 5321 allows a server five minutes for a command and ten for the message; few need more than one.
    fn default() -> Waits {
        let seconds = Duration::from_secs;
        Waits { connect: seconds(30), command: seconds(60), message: seconds(300) }
    }
}

/// One mail server.
#[derive(Clone, Debug)]
pub struct Smtp {
    pub server: Server,
    pub waits: Waits,
    /// What we call ourselves to it.
    pub hello: String,
}

/// An open talk. It is good for one mail after the other until one breaks it.
pub struct Line {
    connection: AsyncSmtpConnection,
    waits: Waits,
    broken: bool,
}

/// What a talk came to, where it did not come through.
type Broke = (Stage, Reply);

impl Smtp {
    /// Reaches the server, encrypts and logs in.
    ///
    /// Errors: at which stage it broke, and by what.
    pub async fn open(&self) -> Result<Line, (Verdict, Reply)> {
        self.reach().await.map_err(|(stage, reply)| (Verdict::of(stage, reply.code), with_advice(reply)))
    }

    async fn reach(&self) -> Result<Line, Broke> {
        let Server { host, port, security, login, authority } = &self.server;
        let hello = ClientId::Domain(self.hello.clone());
        let tls = || {
            let builder = TlsParameters::builder(host.trim_matches(['[', ']']).to_owned());
            let built = match authority {
                Some(authority) => authority.trusted_by(builder),
                None => builder.build_rustls(),
            };
            built.map_err(|error| (Stage::Tls, reply(&error)))
        };
        let place = (host.trim_matches(['[', ']']), *port);
        let wait = self.waits.connect;
        let mut connection = match security {
            Security::StartTls => self.reach_and_encrypt(place, &hello, tls()?).await?,
            Security::Tls | Security::Plain => {
                let implicit = if *security == Security::Tls { Some(tls()?) } else { None };
                let reaching = AsyncSmtpConnection::connect_tokio1(place, Some(wait), &hello, implicit, None);
                within(wait, Stage::Connect, reaching).await?
            }
        };
        if let Some((user, password)) = login {
            let credentials = Credentials::new(user.clone(), password.clone());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            within(self.waits.command, Stage::Login, connection.auth(&mechanisms, &credentials)).await?;
        }
        Ok(Line { connection, waits: self.waits, broken: false })
    }

    /// STARTTLS, or nothing.
    async fn reach_and_encrypt(
        &self,
        place: (&str, u16),
        hello: &ClientId,
        tls: TlsParameters,
    ) -> Result<AsyncSmtpConnection, Broke> {
        let wait = self.waits.connect;
        let unreached = |text: String| (Stage::Connect, Reply { code: None, text: cut(&text) });
        let stream = timeout(wait, TcpStream::connect(place)).await;
        let stream = stream.map_err(|_| unreached(no_answer(wait)))?.map_err(|error| unreached(error.to_string()))?;
        let (stream, freely) = Sipped::new(stream);
        let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(stream), hello);
        let mut connection = within(wait, Stage::Connect, greeted).await?;
        if !connection.can_starttls() {
            let text = "the server offers no STARTTLS; smtps:// encrypts from the start, smtp+plain:// not at all";
            return Err((Stage::Tls, Reply { code: None, text: text.to_owned() }));
        }
        within(wait, Stage::Tls, connection.starttls(tls, hello)).await?;
        freely.store(true, Ordering::Relaxed);
        Ok(connection)
    }
}

impl Line {
    /// Hands over one mail. Whatever happens, the verdict says whether it may be sent again.
    pub async fn send(&mut self, mail: &Written) -> (Verdict, Reply) {
        match self.hand_over(mail).await {
            Ok(response) => {
                let code = u16::from(response.code());
                let verdict = Verdict::of(Stage::Body, Some(code));
                self.broken |= verdict != Verdict::Sent;
                (verdict, Reply { code: Some(code), text: words(&response) })
            }
            Err((stage, reply)) => {
                // A refusal leaves the talk whole: the next mail begins with a clean slate.
                let lives = reply.code.is_some_and(|code| code != 421);
                self.broken |= !lives || !self.forgets().await;
                (Verdict::of(stage, reply.code), reply)
            }
        }
    }

    /// Nothing more can be said here: open another one.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    pub async fn close(mut self) {
        if !self.broken {
            // The server has what it was given; whether it hears the good-bye is its own affair.
            drop(timeout(self.waits.command, self.connection.quit()).await);
        }
    }

    async fn forgets(&mut self) -> bool {
        matches!(timeout(self.waits.command, self.connection.command(Rset)).await, Ok(Ok(_)))
    }

    async fn hand_over(&mut self, mail: &Written) -> Result<Response, Broke> {
        let command = self.waits.command;
        let mut parameters = Vec::new();
        let addresses = || mail.envelope.to().iter().chain(mail.envelope.from());
        if !addresses().all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
            self.must(
                Extension::SmtpUtfEight,
                "an address is not plain ASCII, and the server takes no others (SMTPUTF8)",
            )?;
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !mail.bytes.is_ascii() {
            self.must(
                Extension::EightBitMime,
                "the mail is not plain ASCII, and the server takes no other (8BITMIME)",
            )?;
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let from = Mail::new(mail.envelope.from().cloned(), parameters);
        within(command, Stage::From, self.connection.command(from)).await?;
        for to in mail.envelope.to() {
            within(command, Stage::Recipient, self.connection.command(Rcpt::new(to.clone(), vec![]))).await?;
        }
        within(command, Stage::Data, self.connection.command(Data)).await?;
        within(self.waits.message, Stage::Body, self.connection.message(&mail.bytes)).await
    }

    /// What no server of this kind will ever take is refused in its place.
    fn must(&self, extension: Extension, text: &str) -> Result<(), Broke> {
        let can = self.connection.server_info().supports_feature(extension);
        let refused = (Stage::From, Reply { code: Some(553), text: text.to_owned() });
        if can { Ok(()) } else { Err(refused) }
    }
}

async fn within<T>(wait: Duration, stage: Stage, talk: impl Future<Output = Result<T, Error>>) -> Result<T, Broke> {
    match timeout(wait, talk).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err((stage, reply(&error))),
        Err(_) => Err((stage, Reply { code: None, text: no_answer(wait) })),
    }
}

fn no_answer(wait: Duration) -> String {
    format!("no answer within {} s", wait.as_secs_f32())
}

fn reply(error: &Error) -> Reply {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    Reply { code: error.status().map(u16::from), text: cut(&text) }
}

/// What can be done about it, where that is known.
fn with_advice(reply: Reply) -> Reply {
    if !reply.text.contains("UnknownIssuer") {
        return reply;
    }
    let text =
        format!("{}; if an authority of your own vouches for it, name its certificate in smtp.ca_file", reply.text);
    Reply { text: cut(&text), ..reply }
}

fn words(response: &Response) -> String {
    cut(&response.message().collect::<Vec<_>>().join(" "))
}

fn cut(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).take(WORDS_MAX).collect()
}
