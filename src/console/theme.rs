//! Turns the tokens into egui styles, and installs the fonts.
//!
//! Owns sizes and spacing. Knows no page and no widget; is called once at the start and again for another density.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::style::{ScrollStyle, Selection, WidgetVisuals};
use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke,
    Style, TextStyle, Theme, Visuals, vec2,
};

use super::tokens::Tokens;

/// How close the rows stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Density {
    /// Rows of 22 px, text of 12 px.
    Compact,
    /// Rows of 24 px, text of 13 px.
    #[default]
    Normal,
    /// Rows of 28 px, text of 13 px.
    Comfortable,
}

impl Density {
    /// All densities, closest first.
    pub const ALL: [Self; 3] = [Self::Compact, Self::Normal, Self::Comfortable];

    /// The word in the View menu.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compact => "Compact",
            Self::Normal => "Normal",
            Self::Comfortable => "Comfortable",
        }
    }

    /// Height of a row, in points.
    pub fn row_height(self) -> f32 {
        match self {
            Self::Compact => 22.0,
            Self::Normal => 24.0,
            Self::Comfortable => 28.0,
        }
    }

    /// Size of text, in points.
    pub fn text_size(self) -> f32 {
        match self {
            Self::Compact => 12.0,
            Self::Normal | Self::Comfortable => 13.0,
        }
    }
}

/// Monospace stands beside the text face on the same baseline and looks equally large at this part of its size.
const MONOSPACE_SCALE: f32 = 0.92;
/// Width of the ring around what has the keyboard, in points.
pub const FOCUS_WIDTH: f32 = 2.0;
/// Height of buttons and fields, in points.
pub const CONTROL_HEIGHT: f32 = 26.0;
/// Corner radius of buttons and fields, in points.
pub const CONTROL_RADIUS: u8 = 5;
/// The family of headings and of what has to stand out.
const SEMIBOLD: &str = "semibold";

/// Text in the semibold face, of `size` points.
pub fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(SEMIBOLD.into()))
}

/// Installs fonts and both styles. Which of the two is shown is [`Context::set_theme`]'s business.
pub fn apply(ctx: &Context, density: Density) {
    ctx.set_fonts(fonts());
    apply_density(ctx, density);
}

/// Sets both styles for another density; the fonts stay.
pub fn apply_density(ctx: &Context, density: Density) {
    for (theme, dark) in [(Theme::Dark, true), (Theme::Light, false)] {
        ctx.style_mut_of(theme, |style| set_style(style, Tokens::for_theme(dark), dark, density));
    }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let files: [(&str, &'static [u8]); 2] = [
        ("Inter", include_bytes!("../../resources/fonts/Inter-Regular.otf")),
        ("Inter-SemiBold", include_bytes!("../../resources/fonts/Inter-SemiBold.otf")),
    ];
    for (name, bytes) in files {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let monospace = fonts.families.get(&FontFamily::Monospace).cloned().unwrap_or_default();
    // Hack comes last: it has arrows and check marks that neither Inter nor the icons have.
    let family = |first: &str| {
        let mut names = vec![first.to_owned()];
        for name in fallback.iter().chain(&monospace) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    };
    fonts.families.insert(FontFamily::Proportional, family("Inter"));
    fonts.families.insert(FontFamily::Name(SEMIBOLD.into()), family("Inter-SemiBold"));
    fonts
}

fn set_style(style: &mut Style, tokens: &Tokens, dark: bool, density: Density) {
    let size = density.text_size();
    style.text_styles = BTreeMap::from([
        (TextStyle::Small, FontId::proportional(size - 1.0)),
        (TextStyle::Body, FontId::proportional(size)),
        (TextStyle::Button, FontId::proportional(size)),
        (TextStyle::Heading, semibold(size + 2.0)),
        (TextStyle::Monospace, FontId::monospace(size * MONOSPACE_SCALE)),
    ]);
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(8.0, 6.0);
    spacing.button_padding = vec2(10.0, 4.0);
    spacing.interact_size = vec2(40.0, CONTROL_HEIGHT);
    spacing.menu_margin = Margin::same(5);
    spacing.window_margin = Margin::same(14);
    spacing.icon_width = 15.0;
    spacing.icon_width_inner = 9.0;
    spacing.icon_spacing = 8.0;
    spacing.indent = 18.0;
    spacing.tooltip_width = 420.0;
    spacing.scroll = ScrollStyle { bar_width: 9.0, floating_allocated_width: 0.0, ..ScrollStyle::floating() };
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style.animation_time = 0.0;
    style.visuals = visuals(tokens, dark);
}

fn visuals(tokens: &Tokens, dark: bool) -> Visuals {
    let mut visuals = if dark { Visuals::dark() } else { Visuals::light() };
    let radius = CornerRadius::same(CONTROL_RADIUS);
    let widget = |fill: Color32, border: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, border),
        corner_radius: radius,
        fg_stroke: Stroke::new(1.0, tokens.text),
        expansion: 0.0,
    };
    visuals.widgets.noninteractive = widget(tokens.panel, tokens.separator);
    visuals.widgets.inactive = widget(tokens.control, tokens.border);
    visuals.widgets.hovered = widget(tokens.hover, tokens.text);
    // egui draws the focused widget as active: this is the focus ring.
    visuals.widgets.active = widget(tokens.control, tokens.focus);
    visuals.widgets.active.bg_stroke.width = FOCUS_WIDTH;
    visuals.widgets.open = widget(tokens.hover, tokens.border);
    // egui outlines the text field that has the keyboard in the stroke of the selection.
    visuals.selection =
        Selection { bg_fill: tokens.selected, stroke: Stroke::new(FOCUS_WIDTH, tokens.focus) };
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(tokens.secondary);
    visuals.hyperlink_color = tokens.accent;
    visuals.faint_bg_color = tokens.hover;
    visuals.extreme_bg_color = tokens.ground;
    visuals.text_edit_bg_color = Some(tokens.control);
    visuals.code_bg_color = tokens.control;
    visuals.warn_fg_color = tokens.busy;
    visuals.error_fg_color = tokens.bad;
    visuals.panel_fill = tokens.panel;
    visuals.window_fill = tokens.panel;
    visuals.window_stroke = Stroke::new(1.0, tokens.border);
    visuals.window_corner_radius = CornerRadius::same(7);
    visuals.menu_corner_radius = CornerRadius::same(6);
    let shadow = Shadow {
        offset: [0, 8],
        blur: 24,
        spread: 0,
        color: Color32::from_black_alpha(if dark { 110 } else { 50 }),
    };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.striped = false;
    visuals.indent_has_left_vline = false;
    visuals.slider_trailing_fill = true;
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_themes_follow_their_tokens() {
        let ctx = Context::default();
        apply(&ctx, Density::Normal);
        for (theme, dark) in [(Theme::Dark, true), (Theme::Light, false)] {
            let style = ctx.style_of(theme);
            let tokens = Tokens::for_theme(dark);
            assert_eq!(style.visuals.dark_mode, dark);
            assert_eq!(style.visuals.panel_fill, tokens.panel);
            assert_eq!(style.visuals.widgets.active.bg_stroke, Stroke::new(2.0, tokens.focus));
            assert_eq!(style.text_styles[&TextStyle::Body].size, 13.0);
        }
    }

    #[test]
    fn the_densities_are_22_24_and_28() {
        assert_eq!(Density::ALL.map(Density::row_height), [22.0, 24.0, 28.0]);
        let ctx = Context::default();
        apply(&ctx, Density::Compact);
        let style = ctx.style_of(Theme::Dark);
        assert_eq!(style.text_styles[&TextStyle::Body].size, 12.0);
        assert!((style.text_styles[&TextStyle::Monospace].size - 12.0 * 0.92).abs() < 0.001);
    }
}
