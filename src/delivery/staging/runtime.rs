//! The threads on which the network of stores is driven: two for the whole program, however many stores there are.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

use super::error::StagingError;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// Where the network of stores is driven; made when it is first needed.
pub(super) fn runtime() -> Result<&'static Runtime, StagingError> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("staging")
        .enable_all()
        .build()
        .map_err(|error| StagingError::Setup(error.to_string()))?;
    // Where another thread was faster its one counts, and this one ends.
    Ok(RUNTIME.get_or_init(|| made))
}

/// Waits for a future. Must not be called from within one.
pub(super) fn wait<F: Future>(future: F) -> Result<F::Output, StagingError> {
    Ok(runtime()?.block_on(future))
}
