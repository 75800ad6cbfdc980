//! What the console finds around itself at its start: the library, the keys, who is at work, the desktop.
//!
//! Everything is handed on as plain values, so that a test can put its own in their place.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::arguments::Arguments;
use super::notices::{Notice, tell_desktop};
use super::one_window::{self, Calls, Entrance};
use crate::failure::Failure;
use crate::place;
use crate::session::{Actor, OpenOptions, ProxyAddress, ShareOptions};

/// Whose order of buttons is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Desktop {
    /// `OK  Cancel  Apply`, as in Windows and DSM.
    #[default]
    Usual,
    /// `Cancel  Apply  OK`.
    Gnome,
}

/// One of the three buttons of a window with fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// Applies and closes.
    Ok,
    /// Closes.
    Cancel,
    /// Applies.
    Apply,
}

impl Desktop {
    /// The desktop that `XDG_CURRENT_DESKTOP` names.
    pub fn of(current: &str) -> Self {
        let gnome = current.split(':').any(|name| {
            ["gnome", "unity", "pantheon", "cinnamon"].iter().any(|known| name.eq_ignore_ascii_case(known))
        });
        if gnome { Self::Gnome } else { Self::Usual }
    }

    /// The buttons of a window with fields, from left to right.
    pub fn order(self) -> [Closing; 3] {
        match self {
            Self::Usual => [Closing::Ok, Closing::Cancel, Closing::Apply],
            Self::Gnome => [Closing::Cancel, Closing::Apply, Closing::Ok],
        }
    }
}

/// Everything around the console.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The library to open.
    pub library: PathBuf,
    /// Whether it is opened for reading only.
    pub read_only: bool,
    /// What counts where it lies on a network share.
    pub share: ShareOptions,
    /// The folder of the user's keys.
    pub keys: PathBuf,
    /// Who is at work.
    pub actor: Actor,
    /// Whose order of buttons is followed.
    pub desktop: Desktop,
    /// Dark or light, where it was named at the start.
    pub theme: Option<egui::ThemePreference>,
    /// Folders, files and archives to begin with.
    pub paths: Vec<PathBuf>,
    /// What other consoles on this computer ask for.
    pub calls: Calls,
    /// The proxy that the environment names, where it names one.
    pub proxy: Option<ProxyAddress>,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// Where notices go.
    pub notify: fn(Notice),
}

impl Surroundings {
    /// Looks around: arguments first, then the environment, then the folders of the user.
    pub fn find(arguments: &Arguments) -> Result<Self, Failure> {
        Ok(Self {
            library: absolute(&place::library(arguments.library.as_deref())?),
            read_only: false,
            share: ShareOptions { copies: place::copies(), ..ShareOptions::default() },
            keys: absolute(&place::keys()?),
            actor: place::actor("console"),
            desktop: Desktop::of(&std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default()),
            theme: arguments.theme.map(Into::into),
            paths: arguments.paths.iter().map(|path| absolute(path)).collect(),
            proxy: place::proxy().map(|(url, bypass)| ProxyAddress { url, credentials: None, bypass }),
            calls: Calls::default(),
            now: Timestamp::now,
            notify: tell_desktop,
        })
    }

    /// Comes in as a console for the library; `false` if another window has come forward and this program is to end.
    pub fn enter(&mut self) -> Result<bool, Failure> {
        match one_window::enter(&place::runtime(), &self.library, &self.paths) {
            Entrance::First(calls) => {
                self.calls = calls;
                Ok(true)
            }
            Entrance::HandedOver => Ok(false),
            silent @ Entrance::Silent => Err(silent.refusal(&self.library)),
        }
    }

    /// How the library is opened.
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            root: self.library.clone(),
            create: true,
            read_only: self.read_only,
            actor: self.actor.clone(),
            keys: self.keys.clone(),
            share: self.share.clone(),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gnome_has_ok_at_the_right_and_the_others_at_the_left() {
        assert_eq!(Desktop::of("ubuntu:GNOME"), Desktop::Gnome);
        assert_eq!(Desktop::of("KDE"), Desktop::Usual);
        assert_eq!(Desktop::of(""), Desktop::Usual);
        assert_eq!(Desktop::Usual.order(), [Closing::Ok, Closing::Cancel, Closing::Apply]);
        assert_eq!(Desktop::Gnome.order(), [Closing::Cancel, Closing::Apply, Closing::Ok]);
    }
}
