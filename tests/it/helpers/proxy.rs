//! A TCP proxy that fails as networks do: slow, narrow, cut, half closed, silent, reset.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the network does to a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// Everything arrives this much later.
    pub(crate) delay: Duration,
    /// Bytes per second towards the client; 0 for no limit.
    pub(crate) bytes_per_second: u64,
    /// What happens once so many bytes went to the client.
    pub(crate) to_client: Option<(u64, Fault)>,
    /// What happens once so many bytes went to the server.
    pub(crate) to_server: Option<(u64, Fault)>,
}

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both ends see an end.
    Cut,
    /// Both ends are reset.
    Reset,
    /// Whoever would receive sees an end; the other direction goes on.
    HalfClose,
    /// Nothing moves any more, and nobody is told.
    BlackHole,
}

/// A proxy in front of one server. Connections that are made later see a changed weather.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    weather: watch::Sender<Weather>,
}

impl Proxy {
    /// Listens on a free port.
    pub(crate) async fn start(server: SocketAddr, weather: Weather) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, now) = watch::channel(weather);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let weather = *now.borrow();
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        connect(client, server, weather).await;
                    }
                });
            }
        });
        Proxy { address, weather }
    }

    /// For connections from now on.
    pub(crate) fn change(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Where it listens, as text.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }
}

async fn connect(client: TcpStream, server: TcpStream, weather: Weather) {
    let ends = [&client, &server];
    ends.iter().for_each(|end| end.set_nodelay(true).unwrap());
    let down = pipe(&server, &client, weather.delay, weather.bytes_per_second, weather.to_client);
    let up = pipe(&client, &server, weather.delay, 0, weather.to_server);
    tokio::pin!(down, up);
    let broken = tokio::select! {
        Some(fault) = &mut down => Some(fault),
        Some(fault) = &mut up => Some(fault),
        else => None,
    };
    match broken {
        None | Some(Fault::HalfClose) => {}
        Some(Fault::Cut) => ends.iter().for_each(|end| drop(SockRef::from(*end).shutdown(Shutdown::Both))),
        Some(Fault::Reset) => {
            ends.iter().for_each(|end| SockRef::from(*end).set_linger(Some(Duration::ZERO)).unwrap());
        }
        Some(Fault::BlackHole) => std::future::pending().await,
    }
}

/// Carries bytes one way, to the end of the input or to a fault that ends both ways.
async fn pipe(
    from: &TcpStream,
    to: &TcpStream,
    delay: Duration,
    bytes_per_second: u64,
    breaks: Option<(u64, Fault)>,
) -> Option<Fault> {
    let mut buffer = vec![0; 16 * 1024];
    let (mut left, fault) = breaks.map_or((u64::MAX, None), |(after, fault)| (after, Some(fault)));
    let mut closed = false;
    loop {
        if left == 0 && fault != Some(Fault::HalfClose) {
            return fault;
        }
        if left == 0 && !closed {
            closed = true;
            let _ = SockRef::from(to).shutdown(Shutdown::Write);
        }
        // A narrow way takes small steps, so that its buffers stay empty.
        let step = if bytes_per_second > 0 {
            (bytes_per_second / 20).clamp(1, 16 * 1024) as usize
        } else {
            buffer.len()
        };
        let Ok(count) = read(from, &mut buffer[..step]).await else { return Some(Fault::Cut) };
        if count == 0 {
            break;
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let passes = usize::try_from(left).unwrap_or(usize::MAX).min(count);
        if write(to, &buffer[..passes]).await.is_err() {
            return Some(Fault::Cut);
        }
        left -= passes as u64;
        if bytes_per_second > 0 {
            tokio::time::sleep(Duration::from_secs_f64(passes as f64 / bytes_per_second as f64)).await;
        }
    }
    let _ = SockRef::from(to).shutdown(Shutdown::Write);
    None
}

async fn read(from: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        from.readable().await?;
        match from.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

async fn write(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
