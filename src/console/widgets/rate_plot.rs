//! A line of bytes a second over the last minutes.
//!
//! Gets points of (seconds ago, bytes a second) and draws them; must not know what arrives nor from where.

use egui::{Align2, Rect, Role, Sense, Shape, Stroke, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::super::format;
use super::super::tokens::Tokens;
use super::one_line;

/// The least time that is shown, in seconds: a line of two points says nothing.
const LEAST_SECONDS: f32 = 60.0;

/// Draws the line over the whole width, `height` points high. `points` are (seconds ago, bytes a second), in any order.
pub fn rate_plot_ui(ui: &mut Ui, points: &[(f32, f32)], height: f32) {
    let tokens = Tokens::of(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width().max(80.0), height), Sense::hover());
    let (seconds, most) = extent(points);
    let latest = points.iter().min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |point| point.1);
    response.widget_info(|| {
        let text = format!(
            "Rate over the last {}: now {}{}",
            span(seconds),
            format::short_rate(latest as u64),
            peak(most).map(|peak| format!(", {peak}")).unwrap_or_default()
        );
        WidgetInfo::labeled(Role::Image, true, text)
    });
    if !ui.is_rect_visible(rect) {
        return;
    }
    let font = TextStyle::Small.resolve(ui.style());
    let caption = |text: &str| one_line(ui, text, font.clone(), tokens.secondary, rect.width());
    let top = caption(&format!("Rate, last {}", span(seconds)));
    let peak = caption(&peak(most).unwrap_or_default());
    let line_height = top.size().y + 4.0;
    let painter = ui.painter();
    painter.galley(rect.min, top, tokens.secondary);
    let at = Align2::RIGHT_TOP.align_size_within_rect(peak.size(), rect).min;
    painter.galley(at, peak, tokens.secondary);
    let plot = Rect::from_min_max(pos2(rect.left(), rect.top() + line_height), rect.max);
    painter.hline(plot.x_range(), plot.bottom() - 0.5, Stroke::new(1.0, tokens.separator));
    let mut sorted: Vec<(f32, f32)> = points.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let line =
        sorted.into_iter().map(|(ago, rate)| place(plot.shrink2(vec2(0.0, 1.0)), seconds, most, ago, rate));
    let line: Vec<_> = line.collect();
    if line.len() > 1 {
        painter.add(Shape::line(line, Stroke::new(1.5, tokens.accent)));
    }
}

/// How many seconds are shown, and the highest rate in them.
fn extent(points: &[(f32, f32)]) -> (f32, f32) {
    let seconds = points.iter().map(|point| point.0).fold(LEAST_SECONDS, f32::max);
    let most = points.iter().map(|point| point.1).filter(|rate| rate.is_finite()).fold(0.0, f32::max);
    (seconds, most)
}

fn place(plot: Rect, seconds: f32, most: f32, ago: f32, rate: f32) -> egui::Pos2 {
    let part = if most > 0.0 { (rate / most).clamp(0.0, 1.0) } else { 0.0 };
    let x = plot.right() - plot.width() * (ago / seconds).clamp(0.0, 1.0);
    pos2(x, plot.bottom() - plot.height() * part)
}

/// The highest rate in words; nothing where nothing arrived while it was looked at. "At most" is what a limit says.
fn peak(most: f32) -> Option<String> {
    (most >= 1.0).then(|| format!("highest {}", format::short_rate(most as u64)))
}

fn span(seconds: f32) -> String {
    format::duration((seconds.round().max(1.0) as u64).saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_point_stands_at_the_right_and_the_highest_on_top() {
        let points = [(0.0, 50.0), (60.0, 100.0), (120.0, 0.0)];
        let (seconds, most) = extent(&points);
        assert_eq!((seconds, most), (120.0, 100.0));
        let plot = Rect::from_min_max(pos2(0.0, 0.0), pos2(100.0, 10.0));
        assert_eq!(place(plot, seconds, most, 0.0, 50.0), pos2(100.0, 5.0));
        assert_eq!(place(plot, seconds, most, 60.0, 100.0), pos2(50.0, 0.0));
        assert_eq!(place(plot, seconds, most, 500.0, 0.0), pos2(0.0, 10.0));
    }

    #[test]
    fn nothing_and_no_numbers_do_no_harm() {
        assert_eq!(extent(&[]), (LEAST_SECONDS, 0.0));
        assert_eq!(peak(0.0), None, "0 bytes a second is no rate worth telling");
        assert!(peak(2048.0).is_some_and(|peak| peak.starts_with("highest ")));
        let plot = Rect::from_min_max(pos2(0.0, 0.0), pos2(100.0, 10.0));
        assert_eq!(place(plot, 60.0, 0.0, 0.0, 5.0), pos2(100.0, 10.0));
        assert_eq!(extent(&[(1.0, f32::NAN), (2.0, f32::INFINITY)]), (LEAST_SECONDS, 0.0));
    }
}
