//! Work that runs: name, bar, figures, Cancel.

use egui::{Align, Label, Layout, Rect, RichText, Role, Sense, Ui, WidgetInfo, vec2};

use super::super::format;
use super::super::tokens::Tokens;
use super::button::button;

/// For so many times as long as was measured the time left is told: a second tells of half an hour.
const SEEN_AHEAD: u64 = 2_000;

/// How far some work is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What is done: "Registering LibreOffice 24.8.4".
    pub name: &'a str,
    /// Bytes done.
    pub done_bytes: u64,
    /// Bytes altogether; 0 = not known yet.
    pub total_bytes: u64,
    /// Measured speed; 0 = not known yet.
    pub bytes_per_second: u64,
}

impl Progress<'_> {
    /// Part done, 0 to 1; 0 while the total is not known.
    pub fn fraction(&self) -> f32 {
        if self.total_bytes == 0 {
            return 0.0;
        }
        (self.done_bytes as f64 / self.total_bytes as f64).clamp(0.0, 1.0) as f32
    }

    /// `41 % · 212 MiB of 1.2 GiB · 118 MiB/s · 8 s left`, without what is not known.
    pub fn figures(&self) -> String {
        if self.total_bytes == 0 {
            return format::size(self.done_bytes);
        }
        // Rounded down: 100 % means all of it.
        let percent = u128::from(self.done_bytes.min(self.total_bytes)) * 100 / u128::from(self.total_bytes);
        let done =
            format!("{percent} % · {} of {}", format::size(self.done_bytes), format::size(self.total_bytes));
        if self.bytes_per_second == 0 {
            return done;
        }
        let rate = format::short_rate(self.bytes_per_second);
        match self.seconds_left() {
            Some(left) => {
                format!("{done} · {rate} · {} left", format::duration(left.max(1).saturating_mul(1000)))
            }
            None => format!("{done} · {rate}"),
        }
    }

    /// How long it still takes at this speed; `None` while it is a guess: from what was done in a moment nothing follows
    /// about days.
    fn seconds_left(&self) -> Option<u64> {
        let left = self.total_bytes.saturating_sub(self.done_bytes) / self.bytes_per_second.max(1);
        let measured = self.done_bytes / self.bytes_per_second.max(1);
        (left <= measured.max(1).saturating_mul(SEEN_AHEAD)).then_some(left)
    }
}

/// The bar alone, so wide.
pub fn progress_bar_ui(ui: &mut Ui, progress: &Progress<'_>, width: f32) {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 6.0), Sense::hover());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, progress.name);
        info.value = Some(f64::from(progress.fraction()) * 100.0);
        info
    });
    ui.painter().rect_filled(rect, 3.0, tokens.blocks.missing);
    let filled = Rect::from_min_size(rect.min, vec2(rect.width() * progress.fraction(), 6.0));
    ui.painter().rect_filled(filled, 3.0, tokens.accent);
}

/// Shows one row; returns whether Cancel was pressed.
pub fn progress_row_ui(ui: &mut Ui, progress: &Progress<'_>) -> bool {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let cancelled = button(ui, "Cancel").clicked();
            ui.label(RichText::new(progress.figures()).color(tokens.secondary));
            progress_bar_ui(ui, progress, 130.0);
            // The name gets what is left, and is cut before it runs into the bar.
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(progress.name).truncate());
            });
            cancelled
        })
        .inner
    })
    .inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_say_what_is_known() {
        let mut progress =
            Progress { name: "x", done_bytes: 212 << 20, total_bytes: 517 << 20, bytes_per_second: 38 << 20 };
        assert_eq!(progress.figures(), "41 % · 212 MiB of 517 MiB · 38 MiB/s · 8 s left");
        progress.bytes_per_second = 0;
        assert_eq!(progress.figures(), "41 % · 212 MiB of 517 MiB");
        progress.total_bytes = 0;
        assert_eq!(progress.figures(), "212 MiB");
    }

    #[test]
    fn no_time_is_told_that_follows_from_nothing() {
        let row = |done_bytes, bytes_per_second| {
            Progress { name: "x", done_bytes, total_bytes: 20 << 40, bytes_per_second }.figures()
        };
        assert_eq!(row(512, 1024), "0 % · 512 bytes of 20 TiB · 1.0 KiB/s");
        // Ten seconds at 100 MiB/s tell of five hours, not of two days.
        assert!(!row(1000 << 20, 100 << 20).contains("left"));
        assert!(row(20 << 30, 100 << 20).ends_with(" left"));
    }

    #[test]
    fn a_hundred_per_cent_means_all_of_it() {
        let progress =
            Progress { name: "x", done_bytes: 999_999, total_bytes: 1_000_000, bytes_per_second: 0 };
        assert!(progress.figures().starts_with("99 %"));
    }
}
