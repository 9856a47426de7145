//! The floor: what the kernel alone takes to send as many bytes to as many sockets, without a server.

use std::cell::Cell;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// Microseconds of processor time of one `send` on a loopback connection somebody else reads, one event at a time.
///
/// # Errors
/// When sockets cannot be had.
pub(super) async fn send_us(sockets: usize, bytes: usize, time: Duration) -> anyhow::Result<f64> {
    tokio::task::spawn_blocking(move || measure(sockets, bytes, time)).await?
}

fn measure(sockets: usize, bytes: usize, time: Duration) -> anyhow::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..sockets {
        let stream = TcpStream::connect(address).context("a socket cannot be opened")?;
        stream.set_nodelay(true)?;
        ours.push(stream);
        theirs.push(listener.accept()?.0);
    }
    let (read, heard) = std::sync::mpsc::channel::<()>();
    // Another thread waits for all of them and reads, as another process would: waking it is part of a send, its own
    // time is not.
    let reader = std::thread::spawn(move || receive(theirs, bytes, &read));
    let payload = vec![0x55; bytes];
    let (began, mut used, mut sends) = (Instant::now(), Duration::ZERO, 0_u64);
    while began.elapsed() < time {
        let before = thread_cpu();
        for stream in &mut ours {
            stream.write_all(&payload)?;
        }
        used += thread_cpu().saturating_sub(before);
        sends += ours.len() as u64;
        heard.recv().context("the reader is gone")?;
    }
    drop(ours);
    let _ = reader.join();
    Ok(used.as_secs_f64() * 1e6 / sends.max(1) as f64)
}

/// Reads until the other ends are closed; tells whenever every socket has got as much as the others.
fn receive(streams: Vec<TcpStream>, bytes: usize, round: &Sender<()>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let expected = streams.len() * bytes;
        let come = Cell::new(0);
        let come = &come;
        let mut readers = FuturesUnordered::new();
        for stream in streams {
            stream.set_nonblocking(true)?;
            let stream = tokio::net::TcpStream::from_std(stream)?;
            readers.push(async move {
                let mut buffer = vec![0; bytes];
                loop {
                    stream.readable().await?;
                    match stream.try_read(&mut buffer) {
                        Ok(0) => return Ok(()),
                        Ok(count) => come.set(come.get() + count),
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                    if come.get() == expected {
                        come.set(0);
                        // Whoever does not listen any more has measured enough.
                        let _ = round.send(());
                    }
                }
            });
        }
        while let Some(ended) = readers.next().await {
            ended?;
        }
        Ok(())
    })
}

/// Processor time of this thread.
fn thread_cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_costs_something() {
        let us = measure(4, 256, Duration::from_millis(20)).unwrap();
        assert!(us > 0.0, "{us}");
    }
}
