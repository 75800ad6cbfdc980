//! The page *Keys*: own keys, which seal, and keys of others, which are trusted.

use std::collections::BTreeMap;

use egui::Ui;

use super::super::format;
use super::super::icons::Icon;
use super::super::theme::Density;
use super::super::tokens::Tone;
use super::super::widgets::empty_state::empty_state_ui;
use super::super::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use super::packages::Moment;
use crate::session::{KeyInfo, KeyUse};

/// The page and what it remembers.
#[derive(Default)]
pub struct KeysPage {
    keys: Option<Vec<KeyInfo>>,
    /// Packages sealed with each key, by its id.
    used: BTreeMap<String, u64>,
    /// Whether they are to be read again.
    pub is_old: bool,
    /// Whether they are being read.
    pub is_reading: bool,
    list: ListState,
}

struct KeyRows<'a> {
    keys: &'a [KeyInfo],
    used: &'a BTreeMap<String, u64>,
    moment: Moment<'a>,
}

impl Rows for KeyRows<'_> {
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let key = &self.keys[index];
        let kind = match (key.own, key.retired) {
            (true, false) => "Own",
            (true, true) => "Own, retired",
            (false, _) => "Trusted",
        };
        let uses: Vec<&str> = key
            .uses
            .iter()
            .map(|one| match one {
                KeyUse::Seal => "seals",
                KeyUse::Jobs => "jobs",
            })
            .collect();
        let backup = match key.backup {
            _ if !key.own => Cell::secondary("–"),
            Some(at) => Cell::secondary(format::date(at, self.moment.zone)),
            None => Cell::new("No backup").tone(Tone::Bad),
        };
        let used = match self.used.get(&key.key_id).copied().unwrap_or(0) {
            0 => "–".to_owned(),
            1 => "1 package".to_owned(),
            count => format!("{} packages", format::thousands(count)),
        };
        let name = format!("{}, {kind}, {}, used by {used}", key.name, key.key_id);
        let cells = vec![
            Cell::new(key.name.as_str()),
            Cell::secondary(kind),
            Cell::secondary(key.key_id.as_str()).monospace(),
            Cell::secondary(format::date(key.since, self.moment.zone)),
            backup,
            Cell::secondary(uses.join(", ")),
            Cell::secondary(used),
        ];
        Row { icon: Some((Icon::Key, None)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        &self.keys[index].name
    }
}

impl KeysPage {
    /// Takes over what was read: the keys, and how many packages each sealed.
    pub fn set_keys(&mut self, keys: Vec<KeyInfo>, used: BTreeMap<String, u64>) {
        self.keys = Some(keys);
        self.used = used;
    }

    /// The selected key.
    pub fn selected(&self) -> Option<&KeyInfo> {
        let row = self.list.selection.rows().next()?;
        self.keys.as_ref()?.get(row)
    }

    /// Whether the keys have to be read now.
    pub fn wants_keys(&self) -> bool {
        !self.is_reading && (self.is_old || self.keys.is_none())
    }

    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, moment: Moment<'_>, density: Density) {
        let Some(keys) = &self.keys else {
            ui.centered_and_justified(|ui| ui.label("Reading keys…"));
            return;
        };
        if keys.is_empty() {
            let text = "No key yet. The first seal makes one; a key that seals wants a backup, because without \
                        it a lost computer ends all sealing.";
            empty_state_ui(ui, Icon::Key, text, None);
            return;
        }
        let columns = [
            Column::text("Name", 200.0).growing().unsortable(),
            Column::text("Kind", 110.0).unsortable(),
            Column::text("Fingerprint", 160.0).unsortable(),
            Column::text("Since", 100.0).unsortable(),
            Column::text("Backup", 110.0).unsortable(),
            Column::text("Trusted for", 110.0).unsortable(),
            Column::text("Used by", 110.0).unsortable(),
        ];
        let rows = KeyRows { keys, used: &self.used, moment };
        List::new("keys", "Keys", &columns, density.row_height()).show(ui, &mut self.list, &rows, |_, _| ());
    }
}
