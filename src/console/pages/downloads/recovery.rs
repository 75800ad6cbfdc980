//! The strip above the sample of *See a recovery*: what may be broken, and mended again.

use egui::{Frame, Label, Margin, RichText, Ui};

use super::DownloadAction;
use crate::console::action::Action;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::{button, link};

/// What is broken now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryShown {
    /// The cable is cut.
    pub is_cut: bool,
    /// The server is stopped.
    pub is_stopped: bool,
}

/// What is done to the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryAction {
    /// Cuts the cable, or puts it back in.
    Cut(bool),
    /// Starts the server, or stops it.
    Serve(bool),
    /// Flips bits in a block on the disk.
    Corrupt,
    /// Takes the sample away.
    End,
}

/// Shows the strip.
pub(super) fn recovery_ui(ui: &mut Ui, shown: RecoveryShown, actions: &mut Vec<Action>) {
    let tokens = Tokens::of(ui);
    let frame = Frame::new().fill(tokens.panel).corner_radius(4).inner_margin(Margin::symmetric(12, 8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let text = match (shown.is_cut, shown.is_stopped) {
            (false, false) => {
                "A sample from a server on this computer. Break something, and watch it heal: what was proven stays, \
                 only what is missing or corrupt is fetched."
            }
            (true, false) => {
                "The cable is cut: nothing arrives. After half a minute of silence it says so, and tries again until \
                 somebody puts the cable in."
            }
            (_, true) => {
                "The server is gone. The download waits, longer from try to try, and never gives up. Start the server, \
                 then Retry now, or let it try by itself."
            }
        };
        ui.add(Label::new(RichText::new(text).color(tokens.secondary)).wrap());
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let mut offer = |ui: &mut Ui, text: &str, action| {
                if button(ui, text).clicked() {
                    actions.push(Action::Download(DownloadAction::Recovery(action)));
                }
            };
            let cable = if shown.is_cut { "Put the cable in" } else { "Cut the cable" };
            offer(ui, cable, RecoveryAction::Cut(!shown.is_cut));
            offer(ui, "Corrupt a block", RecoveryAction::Corrupt);
            let server = if shown.is_stopped { "Start the server" } else { "Stop the server" };
            offer(ui, server, RecoveryAction::Serve(shown.is_stopped));
            ui.add_space(8.0);
            if link(ui, "End the sample").clicked() {
                actions.push(Action::Download(DownloadAction::Recovery(RecoveryAction::End)));
            }
        });
    });
}
