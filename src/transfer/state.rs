//! The states of a download, and which leads to which. Pure.

pub use crate::package::download::DownloadState;

/// What happens to a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The folder is ours; the survey begins.
    Started,
    /// The survey ended.
    Surveyed,
    /// Every codebase failed three times in a row, or nothing can be written.
    Stuck,
    /// The wait is over, somebody pressed *Retry now*, or a verified block arrived.
    GoesOn,
    /// Everything is proven and in place.
    Completed,
    /// A block that was proven is not so any more, or is to be fetched again.
    Missing,
    /// *Pause*.
    Paused,
    /// *Resume*.
    Resumed,
    /// It can never be right.
    Impossible,
}

impl DownloadState {
    /// Whether nothing more happens by itself.
    pub fn is_at_rest(self) -> bool {
        matches!(self, Self::Paused | Self::Ready | Self::Invalid)
    }

    /// The state after something happened; the same where that does not touch it. `surveyed` says whether the folder
    /// was looked through already: a pause in the middle of the survey goes on with it.
    pub fn after(self, happening: Happening, surveyed: bool) -> Self {
        use Happening as H;
        match (self, happening) {
            // Nothing but a new beginning leads out of Invalid.
            (Self::Invalid, _) => Self::Invalid,
            (_, H::Impossible) => Self::Invalid,
            (Self::Pending, H::Started) => Self::Checking,
            (Self::Checking, H::Surveyed) => Self::Downloading,
            (Self::Downloading, H::Stuck) => Self::Retrying,
            (Self::Retrying, H::GoesOn) => Self::Downloading,
            (Self::Downloading | Self::Retrying, H::Completed) => Self::Ready,
            (Self::Ready, H::Missing) => Self::Downloading,
            (Self::Pending | Self::Checking | Self::Downloading | Self::Retrying, H::Paused) => Self::Paused,
            (Self::Paused, H::Resumed) if surveyed => Self::Downloading,
            (Self::Paused, H::Resumed) => Self::Checking,
            (state, _) => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Happening as H;
    use super::*;

    #[test]
    fn a_download_that_meets_every_trouble_ends_ready() {
        let life = [
            (H::Started, DownloadState::Checking),
            (H::Paused, DownloadState::Paused),
            (H::Resumed, DownloadState::Checking),
            (H::Surveyed, DownloadState::Downloading),
            (H::Stuck, DownloadState::Retrying),
            (H::Paused, DownloadState::Paused),
            (H::Stuck, DownloadState::Paused),
            (H::Resumed, DownloadState::Downloading),
            (H::Completed, DownloadState::Ready),
            (H::Missing, DownloadState::Downloading),
            (H::Completed, DownloadState::Ready),
        ];
        let mut state = DownloadState::Pending;
        let mut surveyed = false;
        for (happening, expected) in life {
            surveyed |= happening == H::Surveyed;
            state = state.after(happening, surveyed);
            assert_eq!(state, expected, "after {happening:?}");
        }
    }

    proptest! {
        /// Ready is reached only by completing what was surveyed; Invalid is never left.
        #[test]
        fn ready_is_never_reached_by_accident(steps in prop::collection::vec(0..9usize, 0..40)) {
            let all = [H::Started, H::Surveyed, H::Stuck, H::GoesOn, H::Completed, H::Missing, H::Paused, H::Resumed,
                H::Impossible];
            let (mut state, mut surveyed) = (DownloadState::Pending, false);
            for step in steps {
                let happening = all[step];
                surveyed |= happening == H::Surveyed && state == DownloadState::Checking;
                let next = state.after(happening, surveyed);
                if next == DownloadState::Ready && state != next {
                    prop_assert!(happening == H::Completed && surveyed);
                }
                prop_assert!(state != DownloadState::Invalid || next == state);
                state = next;
            }
        }
    }
}
