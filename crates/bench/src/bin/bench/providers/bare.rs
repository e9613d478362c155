//! The floor: a client that writes bytes and reads bytes, on the same runtime and the same kind of socket as the
//! adapters. It parses nothing.

use copydesk_bench::loopback::Stamps;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection that is used again and again.
pub struct Bare {
    connection: TcpStream,
    buffer: Vec<u8>,
}

impl Bare {
    pub async fn connect(address: SocketAddr) -> Result<Bare, String> {
        let connection = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        connection.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Bare { connection, buffer: vec![0; 64 * 1024] })
    }

    /// Sends a request and reads an answer whose length is known.
    pub async fn call(&mut self, request: &[u8], answer_bytes: usize) -> Result<(), String> {
        self.send(request).await?;
        let mut received = 0;
        while received < answer_bytes {
            received += self.read().await?;
        }
        Ok(())
    }

    /// Sends a request and notes when each piece of the stream is whole.
    pub async fn pieces(&mut self, request: &[u8], lengths: Lengths, stamps: &Stamps) -> Result<(), String> {
        self.send(request).await?;
        let Lengths { begin, piece, end } = lengths;
        let (mut received, mut came) = (0, 0);
        while received < begin + piece * stamps.pieces() + end {
            received += self.read().await?;
            while came < stamps.pieces() && received >= begin + piece * (came + 1) {
                stamps.came();
                came += 1;
            }
        }
        Ok(())
    }

    async fn send(&mut self, request: &[u8]) -> Result<(), String> {
        self.connection.write_all(request).await.map_err(|error| error.to_string())
    }

    async fn read(&mut self) -> Result<usize, String> {
        match self.connection.read(&mut self.buffer).await {
            Ok(0) => Err("the server closed the connection".to_owned()),
            Ok(count) => Ok(count),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Units: bytes on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    pub begin: usize,
    pub piece: usize,
    pub end: usize,
}
