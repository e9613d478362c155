//! A mail server that speaks raw TCP: it takes mails, remembers them, and breaks at whatever point it is told to. What it has
//! taken is what would be in somebody's mailbox, whatever it answered.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The longest line that is read. Units: bytes.
const LINE_MAX: u64 = 1_000_000;
const DRIP: Duration = Duration::from_millis(2);

/// What goes wrong with one mail, or one talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PostFault {
    /// Nothing.
    None,
    /// 421 instead of a greeting.
    Busy,
    /// 550 to the recipient.
    RefuseRecipient,
    /// 451 to the recipient.
    Greylist,
    /// 554 after the dot.
    RefuseMessage,
    /// 452 after the dot.
    LaterMessage,
    /// The connection goes after DATA, before a byte of the message is read.
    DropBeforeMessage,
    /// The mail is taken, and the connection goes without an answer.
    DropAfterDot,
    /// The mail is taken, and the answer is no SMTP.
    GarbageAfterDot,
    /// The mail is taken, and no answer comes for as long as the other side waits.
    HangAfterDot,
    /// Every answer comes byte by byte.
    Drip,
}

/// A mail that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Post {
    pub from: String,
    pub to: Vec<String>,
    /// As it came, without the dots that were doubled on the way.
    pub message: String,
}

impl Post {
    /// The value of a header on one line.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.message.split("\r\n\r\n").next()?;
        head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

struct Shared {
    script: Mutex<VecDeque<PostFault>>,
    always: Mutex<PostFault>,
    /// `AUTH PLAIN` must say this, where it is set.
    login: Mutex<Option<String>>,
    taken: watch::Sender<Vec<Post>>,
    talks: watch::Sender<u32>,
    /// Answers to mails wait while it is closed.
    open: watch::Sender<bool>,
    /// How many mails were taken while it was.
    held: watch::Sender<u32>,
}

/// A running mail server. Dropping it closes it and every talk.
pub struct FakeSmtp {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for FakeSmtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeSmtp {
    /// On a free port of 127.0.0.1.
    pub async fn start() -> FakeSmtp {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.expect("a free port of the loopback interface can be bound");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            script: Mutex::default(),
            always: Mutex::new(PostFault::None),
            login: Mutex::default(),
            taken: watch::Sender::default(),
            talks: watch::Sender::default(),
            open: watch::Sender::new(true),
            held: watch::Sender::default(),
        });
        let served = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let mut talks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                served.talks.send_modify(|talks| *talks += 1);
                let shared = Arc::clone(&served);
                // A talk that breaks is what is tested.
                talks.spawn(async move { drop(talk(&shared, stream).await) });
                while talks.try_join_next().is_some() {}
            }
        });
        FakeSmtp { address, shared, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("smtp+plain://{}", self.address)
    }

    /// What meets the next mails; then what [`FakeSmtp::always`] says.
    pub fn script(&self, faults: impl IntoIterator<Item = PostFault>) {
        self.shared.script.lock().expect("no panic holds it").extend(faults);
    }

    pub fn always(&self, fault: PostFault) {
        *self.shared.always.lock().expect("no panic holds it") = fault;
    }

    /// From now on who sends must log in with these (`\0user\0password` in base 64).
    pub fn demand_login(&self, plain: &str) {
        *self.shared.login.lock().expect("no panic holds it") = Some(plain.to_owned());
    }

    /// Takes mails and does not answer while it is held.
    pub fn hold(&self, held: bool) {
        self.shared.open.send_replace(!held);
    }

    pub fn taken(&self) -> Vec<Post> {
        self.shared.taken.borrow().clone()
    }

    pub fn talks(&self) -> u32 {
        *self.shared.talks.borrow()
    }

    /// Waits until a mail was taken that is not answered, after [`FakeSmtp::hold`].
    pub async fn one_is_held(&self) {
        let mut held = self.shared.held.subscribe();
        drop(held.wait_for(|held| *held > 0).await.expect("the server lives as long as this"));
    }

    /// Waits until what was taken is so.
    pub async fn wait_for(&self, good: impl Fn(&[Post]) -> bool) -> Vec<Post> {
        let mut taken = self.shared.taken.subscribe();
        let seen = taken.wait_for(|taken| good(taken)).await.expect("the server lives as long as this");
        seen.clone()
    }
}

impl Shared {
    fn next(&self) -> PostFault {
        let next = self.script.lock().expect("no panic holds it").pop_front();
        next.unwrap_or(*self.always.lock().expect("no panic holds it"))
    }

    fn greets_busy(&self) -> bool {
        let mut script = self.script.lock().expect("no panic holds it");
        if script.front() == Some(&PostFault::Busy) {
            script.pop_front();
            return true;
        }
        script.is_empty() && *self.always.lock().expect("no panic holds it") == PostFault::Busy
    }
}

struct Talk {
    stream: BufReader<TcpStream>,
    drips: bool,
}

impl Talk {
    async fn say(&mut self, text: &str) -> io::Result<()> {
        let line = format!("{text}\r\n");
        if self.drips {
            for byte in line.into_bytes() {
                self.stream.get_mut().write_all(&[byte]).await?;
                tokio::time::sleep(DRIP).await;
            }
            return Ok(());
        }
        self.stream.get_mut().write_all(line.as_bytes()).await
    }

    async fn hear(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LINE_MAX).read_until(b'\n', &mut line).await?;
        Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
    }
}

async fn talk(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    let mut talk = Talk {
        stream: BufReader::new(stream),
        drips: *shared.always.lock().expect("no panic holds it") == PostFault::Drip,
    };
    if shared.greets_busy() {
        return talk.say("421 4.3.2 too busy").await;
    }
    talk.say("220 fake.example ESMTP").await?;
    let mut known = shared.login.lock().expect("no panic holds it").is_none();
    let (mut from, mut to, mut fault) = (String::new(), Vec::new(), PostFault::None);
    while let Some(line) = talk.hear().await? {
        let line = line.trim_end();
        let word = line.to_ascii_uppercase();
        let inside = |line: &str| {
            let start = line.find('<').map_or(0, |at| at + 1);
            line[start..].split('>').next().unwrap_or_default().to_owned()
        };
        match () {
            () if word.starts_with("EHLO") && known => talk.say("250-fake.example\r\n250 8BITMIME").await?,
            () if word.starts_with("EHLO") => talk.say("250-fake.example\r\n250-8BITMIME\r\n250 AUTH PLAIN").await?,
            () if word.starts_with("AUTH PLAIN ") => {
                let login = shared.login.lock().expect("no panic holds it").clone();
                known = login.as_deref() == line.get("AUTH PLAIN ".len()..);
                talk.say(if known { "235 2.7.0 in" } else { "535 5.7.8 wrong user or password" }).await?;
            }
            () if !known && !word.starts_with("QUIT") => talk.say("530 5.7.0 log in first").await?,
            () if word.starts_with("MAIL FROM") => {
                fault = shared.next();
                from = inside(line);
                talk.say("250 2.1.0 sender").await?;
            }
            () if word.starts_with("RCPT TO") && fault == PostFault::RefuseRecipient => {
                talk.say("550 5.1.1 nobody here").await?;
            }
            () if word.starts_with("RCPT TO") && fault == PostFault::Greylist => {
                talk.say("451 4.7.1 come again").await?
            }
            () if word.starts_with("RCPT TO") => {
                to.push(inside(line));
                talk.say("250 2.1.5 recipient").await?;
            }
            () if word == "DATA" => {
                talk.say("354 go on").await?;
                if fault == PostFault::DropBeforeMessage {
                    return Ok(());
                }
                let mut message = String::new();
                loop {
                    let Some(line) = talk.hear().await? else { return Ok(()) };
                    if line == ".\r\n" {
                        break;
                    }
                    message.push_str(line.strip_prefix('.').unwrap_or(&line));
                }
                let post = Post { from: std::mem::take(&mut from), to: std::mem::take(&mut to), message };
                if !answer(shared, &mut talk, fault, post).await? {
                    return Ok(());
                }
            }
            () if word == "RSET" || word == "NOOP" => {
                (from, to) = (String::new(), Vec::new());
                talk.say("250 2.0.0 ok").await?;
            }
            () if word == "QUIT" => return talk.say("221 2.0.0 bye").await,
            () => talk.say("500 5.5.1 what").await?,
        }
    }
    Ok(())
}

/// What is said to a mail that came whole; whether the talk goes on.
async fn answer(shared: &Shared, talk: &mut Talk, fault: PostFault, post: Post) -> io::Result<bool> {
    let refusals = [(PostFault::RefuseMessage, "554 5.7.1 spam"), (PostFault::LaterMessage, "452 4.3.1 full")];
    let refused = refusals.into_iter().find(|(refuses, _)| *refuses == fault).map(|(_, words)| words);
    if let Some(words) = refused {
        talk.say(words).await?;
        return Ok(true);
    }
    shared.taken.send_modify(|taken| taken.push(post));
    let mut open = shared.open.subscribe();
    let is_open = *open.borrow();
    if !is_open {
        shared.held.send_modify(|held| *held += 1);
        drop(open.wait_for(|open| *open).await);
    }
    match () {
        () if fault == PostFault::DropAfterDot => return Ok(false),
        () if fault == PostFault::GarbageAfterDot => talk.say("\u{1b}[2J<html>").await?,
        () if fault == PostFault::HangAfterDot => std::future::pending::<()>().await,
        () => talk.say("250 2.0.0 taken").await?,
    }
    Ok(true)
}
