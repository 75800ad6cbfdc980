//! Tells when a network came back: a link that carries again, a new address, a new way out.
//!
//! Owns the thread that listens to the system; it sleeps until the system says something, and ends with
//! [`NetworkWatch`]. Must not know downloads: whoever watches is told that something came, not what.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod rtnetlink;

/// Listens until it is dropped.
pub(super) struct NetworkWatch {
    #[cfg(target_os = "linux")]
    _thread: linux::Listener,
    #[cfg(not(target_os = "linux"))]
    _handle: netwatcher::WatchHandle,
}

/// Calls `told` whenever a network came back, from a thread of its own; not for what is there already. `None` where the
/// system does not say: then every wait lasts as long as its ladder says.
pub(super) fn watch(told: impl Fn() + Send + 'static) -> Option<NetworkWatch> {
    match begin(told) {
        Ok(watch) => Some(watch),
        Err(error) => {
            tracing::warn!(%error, "it will not be noticed when the network comes back");
            None
        }
    }
}

#[cfg(target_os = "linux")]
fn begin(told: impl Fn() + Send + 'static) -> std::io::Result<NetworkWatch> {
    Ok(NetworkWatch { _thread: linux::Listener::start(told)? })
}

#[cfg(not(target_os = "linux"))]
fn begin(told: impl Fn() + Send + 'static) -> Result<NetworkWatch, netwatcher::Error> {
    let handle = netwatcher::watch_interfaces_with_callback(move |update| {
        if !update.is_initial && update.addrs_added().next().is_some() {
            told();
        }
    })?;
    Ok(NetworkWatch { _handle: handle })
}
