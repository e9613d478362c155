//! The server's side of ten thousand open streams. It runs in a process of its own, so that the memory of the other
//! process is the client's alone. It prints its port and ends when its input does.

use crate::dialect::Dialect;
use crate::loopback::request_bytes;
use std::io::{self, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// The name this server has on the command line of the benchmark.
pub const SUITE: &str = "crowd-server";
/// Pieces a stream has.
pub const PIECES: usize = 15;
/// Time between two pieces of one stream.
const PAUSE: Duration = Duration::from_secs(2);
/// How many clients may wait to be let in.
const BACKLOG: u32 = 4_096;

/// Serves until its input ends.
pub async fn serve() -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let socket = tokio::net::TcpSocket::new_v4().map_err(text)?;
    socket.bind(([127, 0, 0, 1], 0).into()).map_err(text)?;
    let listener = socket.listen(BACKLOG).map_err(text)?;
    println!("{}", listener.local_addr().map_err(text)?.port());
    io::stdout().flush().map_err(text)?;
    let accepting = tokio::spawn(accept(listener));
    let input_ends = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    input_ends.await.map_err(|error| error.to_string())?.map_err(text)?;
    accepting.abort();
    Ok(())
}

async fn accept(listener: TcpListener) {
    let stream = Arc::new(Dialect::OpenAiCompatible.stream());
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                let stream = Arc::clone(&stream);
                tokio::spawn(async move { answer(connection, &stream).await });
            }
            Err(error) => eprintln!("bench: a connection was not accepted: {error}"),
        }
    }
}

async fn answer(mut connection: TcpStream, stream: &crate::dialect::Stream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = Vec::new();
    while request_bytes(&request).is_none_or(|bytes| request.len() < bytes) {
        if connection.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    drop(request);
    connection.write_all(&stream.begin).await?;
    for _ in 0..PIECES {
        connection.write_all(&stream.piece).await?;
        tokio::time::sleep(PAUSE).await;
    }
    connection.write_all(&stream.end).await?;
    // The client decides when the connection ends.
    connection.read_buf(&mut Vec::new()).await.map(drop)
}

/// The server as a child of this process, and its port.
pub async fn start() -> Result<(Child, u16), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(program)
        .arg(SUITE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let out = child.stdout.take().ok_or("the server has no output")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).await.map_err(|error| error.to_string())?;
    let port = line.trim().parse().map_err(|_| format!("the server said {line:?} instead of its port"))?;
    Ok((child, port))
}
