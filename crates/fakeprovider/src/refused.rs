//! An address at which nobody listens, for as long as the value lives. It never accepts anything.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port that is taken and closed: every connection is refused (P20), and nobody else can open it meanwhile.
pub struct Refused {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Refused {
    /// Errors: no port of the loopback interface is free.
    pub fn new() -> io::Result<Refused> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Refused { address: socket.local_addr()?, _socket: socket })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A host whose name nobody can resolve.
    pub const fn unresolvable_base_url() -> &'static str {
        "http://copydesk-fake-provider.invalid"
    }
}
