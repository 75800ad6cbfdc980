//! Every colour of the console, once for dark and once for light.
//!
//! Owns the values and nothing else: no egui style, no widget. No other module of the console names a colour.

use egui::{Color32, Ui};

use crate::package::BlockState;

/// `0xRRGGBB` as an opaque colour.
const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The colours of one theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Behind lists and grids.
    pub ground: Color32,
    /// Bars, tree, panes, dialogs.
    pub panel: Color32,
    /// Buttons and fields at rest.
    pub control: Color32,
    /// A row or control under the pointer.
    pub hover: Color32,
    /// A selected row.
    pub selected: Color32,
    /// Behind a finding that needs a decision.
    pub alert: Color32,
    /// Names, values.
    pub text: Color32,
    /// Normal states, labels, dates.
    pub secondary: Color32,
    /// Links, the bar at a selected row, what is running.
    pub accent: Color32,
    /// Something was proven.
    pub good: Color32,
    /// Something waits or tries again.
    pub busy: Color32,
    /// A finding.
    pub bad: Color32,
    /// Something was repaired.
    pub note: Color32,
    /// Text of what cannot be used now; its reason stands in the hover text.
    pub disabled: Color32,
    /// Border of inputs and buttons, at least 3:1.
    pub border: Color32,
    /// Lines between rows and panes; may stay faint.
    pub separator: Color32,
    /// The ring around what has the keyboard, 2 px.
    pub focus: Color32,
    /// Fill of the primary button.
    pub primary: Color32,
    /// Text on [`Tokens::primary`].
    pub on_primary: Color32,
    /// Colours of the block grid.
    pub blocks: BlockColours,
}

/// Fill colours of the block grid, told apart under every colour vision defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockColours {
    /// The empty part.
    pub missing: Color32,
    /// Mark: arrow down.
    pub downloading: Color32,
    /// Mark: ring.
    pub checking: Color32,
    /// No mark.
    pub verified: Color32,
    /// Kept from a checkpoint; no mark.
    pub kept: Color32,
    /// Mark: small square.
    pub reused: Color32,
    /// Mark: cross.
    pub corrupt: Color32,
    /// Mark: dot.
    pub repaired: Color32,
    /// The frame of 1 px around the grid.
    pub frame: Color32,
    /// Marks on the deep fills: downloading, corrupt.
    pub mark_on_deep: Color32,
    /// Marks on all other fills.
    pub mark_on_bright: Color32,
}

impl BlockColours {
    /// The fill of a state.
    pub fn fill(&self, state: BlockState) -> Color32 {
        match state {
            BlockState::Missing => self.missing,
            BlockState::Downloading => self.downloading,
            BlockState::Checking => self.checking,
            BlockState::Verified => self.verified,
            BlockState::Kept => self.kept,
            BlockState::Reused => self.reused,
            BlockState::Corrupt => self.corrupt,
            BlockState::Repaired => self.repaired,
        }
    }

    /// The colour of the mark on the fill of a state.
    pub fn mark(&self, state: BlockState) -> Color32 {
        match state {
            BlockState::Downloading | BlockState::Corrupt => self.mark_on_deep,
            _ => self.mark_on_bright,
        }
    }

    /// The fill of a state that the legend has put aside.
    pub fn dimmed(&self, state: BlockState, ground: Color32) -> Color32 {
        self.fill(state).lerp_to_gamma(ground, 0.78)
    }

    /// All states with their words, `missing` first.
    pub fn all(&self) -> [(&'static str, Color32); 8] {
        BlockState::ALL.map(|state| (state.word(), self.fill(state)))
    }
}

/// The dark theme.
pub static DARK: Tokens = Tokens {
    ground: rgb(0x15181c),
    panel: rgb(0x1a1e23),
    control: rgb(0x262c34),
    hover: rgb(0x20262d),
    selected: rgb(0x22344f),
    alert: rgb(0x2f2425),
    text: rgb(0xe3e7eb),
    secondary: rgb(0xa3aeb9),
    accent: rgb(0x85b4ff),
    good: rgb(0x5fd3a8),
    busy: rgb(0xf0b94a),
    bad: rgb(0xff8d70),
    note: rgb(0xd2b6ff),
    disabled: rgb(0x6f7a85),
    border: rgb(0x75818d),
    separator: rgb(0x2a3038),
    focus: rgb(0x8ab8ff),
    primary: rgb(0x2667d9),
    on_primary: rgb(0xffffff),
    blocks: BlockColours {
        missing: rgb(0x2a3038),
        downloading: rgb(0x5b78ff),
        checking: rgb(0xf2bf2a),
        verified: rgb(0x4bd0a2),
        kept: rgb(0x1d9475),
        reused: rgb(0x8b9bab),
        corrupt: rgb(0xf0311a),
        repaired: rgb(0xeeddff),
        frame: rgb(0x6f7b87),
        mark_on_deep: rgb(0xffffff),
        mark_on_bright: rgb(0x15181c),
    },
};

/// The light theme.
pub static LIGHT: Tokens = Tokens {
    ground: rgb(0xf3f5f7),
    panel: rgb(0xffffff),
    control: rgb(0xf8f9fb),
    hover: rgb(0xe9edf2),
    selected: rgb(0xd3e2fb),
    alert: rgb(0xfaece8),
    text: rgb(0x1b2026),
    secondary: rgb(0x525d68),
    accent: rgb(0x1c53bd),
    good: rgb(0x0b6a4d),
    busy: rgb(0x7d5000),
    bad: rgb(0xa8320f),
    note: rgb(0x6232a8),
    disabled: rgb(0x8a949e),
    border: rgb(0x75808b),
    separator: rgb(0xdce1e6),
    focus: rgb(0x1c53bd),
    primary: rgb(0x2667d9),
    on_primary: rgb(0xffffff),
    blocks: BlockColours {
        missing: rgb(0xe4e8ec),
        downloading: rgb(0x3a34e8),
        checking: rgb(0xab7003),
        verified: rgb(0x0f9472),
        kept: rgb(0x1f6455),
        reused: rgb(0x647a8c),
        corrupt: rgb(0xa31206),
        repaired: rgb(0x48064f),
        frame: rgb(0x75808b),
        mark_on_deep: rgb(0xffffff),
        mark_on_bright: rgb(0xffffff),
    },
};

impl Tokens {
    /// The colours that go with the theme `ui` is drawn in.
    pub fn of(ui: &Ui) -> &'static Self {
        Self::for_theme(ui.visuals().dark_mode)
    }

    /// The dark or the light colours.
    pub fn for_theme(dark: bool) -> &'static Self {
        if dark { &DARK } else { &LIGHT }
    }

    /// The six surfaces text can stand on.
    pub fn surfaces(&self) -> [Color32; 6] {
        [self.ground, self.panel, self.control, self.hover, self.selected, self.alert]
    }
}

/// What a text says beyond its words. The words and an icon always say it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Names and values.
    #[default]
    Text,
    /// The normal state.
    Secondary,
    /// Running, or a link.
    Accent,
    /// Proven.
    Good,
    /// Waiting, trying again.
    Busy,
    /// A finding.
    Bad,
    /// Repaired.
    Note,
    /// Cannot be used now.
    Disabled,
}

impl Tone {
    /// The colour of the tone.
    pub fn colour(self, tokens: &Tokens) -> Color32 {
        match self {
            Self::Text => tokens.text,
            Self::Secondary => tokens.secondary,
            Self::Accent => tokens.accent,
            Self::Good => tokens.good,
            Self::Busy => tokens.busy,
            Self::Bad => tokens.bad,
            Self::Note => tokens.note,
            Self::Disabled => tokens.disabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::colour_vision::{Vision, contrast, distance};
    use super::*;

    fn themes() -> [(&'static str, &'static Tokens); 2] {
        [("dark", &DARK), ("light", &LIGHT)]
    }

    fn least(colour: Color32, over: &[Color32]) -> f64 {
        over.iter().map(|surface| contrast(colour, *surface)).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn text_can_be_read_on_every_surface() {
        for (theme, tokens) in themes() {
            for tone in
                [Tone::Text, Tone::Secondary, Tone::Accent, Tone::Good, Tone::Busy, Tone::Bad, Tone::Note]
            {
                let ratio = least(tone.colour(tokens), &tokens.surfaces());
                assert!(ratio >= 4.5, "{theme} {tone:?}: {ratio:.2}");
            }
            let ratio = contrast(tokens.on_primary, tokens.primary);
            assert!(ratio >= 4.5, "{theme} primary button: {ratio:.2}");
        }
    }

    #[test]
    fn borders_and_focus_can_be_seen() {
        for (theme, tokens) in themes() {
            // A button that is held down stands on the colour of a selected row.
            let border = least(tokens.border, &tokens.surfaces());
            assert!(border >= 3.0, "{theme} border: {border:.2}");
            let focus = least(tokens.focus, &tokens.surfaces());
            assert!(focus >= 4.5, "{theme} focus: {focus:.2}");
            let frame = least(tokens.blocks.frame, &[tokens.ground, tokens.panel]);
            assert!(frame >= 3.0, "{theme} grid frame: {frame:.2}");
            // The bar at a selected row, in a list with the keyboard and in one without.
            for bar in [tokens.accent, tokens.secondary] {
                let ratio = contrast(bar, tokens.selected);
                assert!(ratio >= 3.0, "{theme} bar of a selected row: {ratio:.2}");
            }
        }
    }

    #[test]
    fn block_colours_differ_for_every_eye() {
        for (theme, tokens) in themes() {
            let all = tokens.blocks.all();
            for (index, (name_a, a)) in all.iter().enumerate() {
                for (name_b, b) in &all[index + 1..] {
                    for vision in Vision::ALL {
                        let delta = distance(*a, *b, vision);
                        assert!(delta >= 12.0, "{theme} {vision:?} {name_a}-{name_b}: {delta:.1}");
                    }
                }
            }
            for (name, fill) in &all[1..] {
                let ratio = least(*fill, &[tokens.ground, tokens.panel, tokens.blocks.missing]);
                assert!(ratio >= 3.0, "{theme} {name}: {ratio:.2}");
            }
        }
    }

    #[test]
    fn corrupt_stands_out_from_the_quiet_states() {
        for (theme, tokens) in themes() {
            let blocks = &tokens.blocks;
            for quiet in [blocks.kept, blocks.verified, blocks.reused, blocks.missing] {
                for vision in Vision::ALL {
                    let delta = distance(blocks.corrupt, quiet, vision);
                    // To one decimal, as the design states it.
                    assert!((delta * 10.0).round() >= 180.0, "{theme} {vision:?}: {delta:.2}");
                }
            }
        }
    }

    #[test]
    fn marks_can_be_seen_on_their_fills() {
        use crate::package::BlockState as S;
        for (theme, tokens) in themes() {
            for state in [S::Downloading, S::Checking, S::Reused, S::Corrupt, S::Repaired] {
                let ratio = contrast(tokens.blocks.mark(state), tokens.blocks.fill(state));
                assert!(ratio >= 3.0, "{theme} {state:?}: {ratio:.2}");
            }
        }
    }
}
