//! What the console keeps over a restart, under one key of the desktop's storage, as JSON.
//!
//! Read forgivingly: a part that cannot be understood is as if it were new, and the rest counts; no text stops the
//! start. The window's size and place are kept by eframe.

use std::path::PathBuf;

use egui::ThemePreference;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::pages::Place;
use super::pages::packages::{Arrangement, DetailsPane, Layout, ListKind, SavedView};
use super::property::{Kept, Tab};
use super::theme::Density;
use crate::package::BlockSize;

/// The key in the storage.
pub const KEY: &str = "preferences";
/// The form this program writes. A newer one is read as far as it is understood.
const VERSION: u32 = 1;
/// A longer text was not written by this program, in bytes.
const LONGEST: usize = 1 << 20;
/// How many libraries are remembered.
const RECENT: usize = 10;
/// How often a library on a share is looked at, unless somebody chose otherwise.
const POLL_MINUTES: u32 = 15;
/// How many views are kept at most.
const VIEWS: usize = 200;

/// Sizes of everything to choose from, in per cent.
pub const SCALES: [u16; 6] = [100, 110, 125, 150, 175, 200];

/// What was chosen on the page of settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Size of everything, 100 to 200 per cent.
    pub scale_percent: u16,
    /// Where archives go unless another folder is named; empty = where the last ones went.
    pub archive_folder: String,
    /// Bytes of a block when sealing; as recorded if absent.
    pub block_size_bytes: Option<u64>,
    /// Bytes a second a library check reads at most.
    pub check_rate: Option<u64>,
    /// Whether the desktop tells of packages that changed.
    pub notices: bool,
    /// Folders whose folders become packages by themselves.
    #[serde(skip)]
    pub watched: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scale_percent: 100,
            archive_folder: String::new(),
            block_size_bytes: None,
            check_rate: None,
            notices: true,
            watched: Vec::new(),
        }
    }
}

impl Settings {
    /// The size of everything as a factor.
    pub fn zoom(&self) -> f32 {
        f32::from(self.scale_percent) / 100.0
    }

    /// The same with values that can be.
    fn sane(self) -> Self {
        let block_size_bytes = self.block_size_bytes.filter(|bytes| BlockSize::new(*bytes).is_ok());
        let check_rate = self.check_rate.filter(|rate| *rate > 0);
        Self { scale_percent: self.scale_percent.clamp(100, 200), block_size_bytes, check_rate, ..self }
    }
}

/// What is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Preferences {
    /// Dark, light, or as the system has it.
    pub theme: ThemePreference,
    /// Height of rows.
    pub density: Density,
    /// Place in the tree.
    pub place: Place,
    /// Tab of the property window that was used last.
    pub last_tab: Tab,
    /// What is kept of property windows.
    pub property: Kept,
    /// Columns, sorting, views and panes.
    pub arrangement: Arrangement,
    /// Libraries that were open, the last one first.
    pub recent: Vec<PathBuf>,
    /// How often a library on a network share is looked at, in minutes.
    pub poll_minutes: u32,
    /// What was chosen on the page of settings.
    pub settings: Settings,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemePreference::default(),
            density: Density::default(),
            place: Place::default(),
            last_tab: Tab::default(),
            arrangement: Arrangement::default(),
            recent: Vec::new(),
            poll_minutes: POLL_MINUTES,
            settings: Settings::default(),
            property: Kept::default(),
        }
    }
}

impl Preferences {
    /// Reads what [`Preferences::write`] wrote, and makes the best of anything else.
    pub fn read(text: &str) -> Self {
        let value = if text.len() > LONGEST { None } else { serde_json::from_str(text).ok() };
        let Some(Value::Object(mut fields)) = value else { return Self::default() };
        let theme = match fields.get("theme").and_then(Value::as_str) {
            Some("dark") => ThemePreference::Dark,
            Some("light") => ThemePreference::Light,
            _ => ThemePreference::System,
        };
        let layouts = match fields.remove("layouts") {
            Some(Value::Object(layouts)) => layouts
                .into_iter()
                .filter_map(|(list, layout)| {
                    let list: ListKind = serde_json::from_value(Value::String(list)).ok()?;
                    Some((list, read_layout(layout)?.sane(list)))
                })
                .collect(),
            _ => Default::default(),
        };
        let views = items(&mut fields, "views").filter_map(|view| {
            let Value::Object(mut view) = view else { return None };
            let name = view.get("name")?.as_str()?.to_owned();
            let layout = read_layout(view.remove("layout")?)?.sane(ListKind::Packages);
            Some(SavedView { name, layout, filters: field(&mut view, "filters") })
        });
        let arrangement = Arrangement {
            layouts,
            views: views.take(VIEWS).collect(),
            filter_row: field(&mut fields, "filter_row"),
            details: field::<DetailsPane>(&mut fields, "details").sane(),
        };
        let paths = |value| serde_json::from_value::<PathBuf>(value).ok();
        let mut settings = field::<Settings>(&mut fields, "settings").sane();
        let watched = items(&mut fields, "watched").filter_map(paths).filter(|path| path.is_absolute());
        settings.watched = watched.take(super::watched_folders::MOST).collect();
        let recent = items(&mut fields, "recent").filter_map(|path| serde_json::from_value(path).ok());
        Self {
            theme,
            density: field(&mut fields, "density"),
            place: field(&mut fields, "place"),
            last_tab: field(&mut fields, "last_tab"),
            property: field::<Kept>(&mut fields, "property").sane(),
            recent: recent.take(RECENT).collect(),
            poll_minutes: match field(&mut fields, "poll_minutes") {
                0 => POLL_MINUTES,
                minutes => u32::min(minutes, 24 * 60),
            },
            settings,
            arrangement,
        }
    }

    /// As text for the storage.
    pub fn write(&self) -> String {
        let theme = match self.theme {
            ThemePreference::Dark => "dark",
            ThemePreference::Light => "light",
            ThemePreference::System => "system",
        };
        // A path that is no Unicode cannot be written: it is left out, not the rest with it.
        let paths = |paths: &[PathBuf]| -> Vec<Value> {
            paths.iter().filter_map(|path| serde_json::to_value(path).ok()).collect()
        };
        json!({
            "version": VERSION,
            "theme": theme,
            "density": written(&self.density),
            "place": written(&self.place),
            "last_tab": written(&self.last_tab),
            "property": written(&self.property),
            "layouts": written(&self.arrangement.layouts),
            "views": written(&self.arrangement.views),
            "filter_row": self.arrangement.filter_row,
            "details": written(&self.arrangement.details),
            "recent": paths(&self.recent),
            "poll_minutes": self.poll_minutes,
            "settings": written(&self.settings),
            "watched": paths(&self.settings.watched),
        })
        .to_string()
    }

    /// Remembers a library that was opened.
    pub fn opened(&mut self, library: PathBuf) {
        self.recent.retain(|known| *known != library);
        self.recent.insert(0, library);
        self.recent.truncate(RECENT);
    }
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn field<T: DeserializeOwned + Default>(fields: &mut Map<String, Value>, name: &str) -> T {
    let value = fields.remove(name).unwrap_or(Value::Null);
    serde_json::from_value(value).unwrap_or_default()
}

fn items(fields: &mut Map<String, Value>, name: &str) -> impl Iterator<Item = Value> + use<> {
    match fields.remove(name) {
        Some(Value::Array(items)) => items.into_iter(),
        _ => Vec::new().into_iter(),
    }
}

/// A column that a newer program knows is left out; the others stay.
fn read_layout(layout: Value) -> Option<Layout> {
    let Value::Object(mut layout) = layout else { return None };
    let columns = items(&mut layout, "columns").filter_map(|column| serde_json::from_value(column).ok());
    let columns = columns.collect();
    let sort = items(&mut layout, "sort").filter_map(|sort| serde_json::from_value(sort).ok()).collect();
    Some(Layout { columns, sort })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::packages::{Chip, ColumnKind, Filters, SortBy};

    fn arranged() -> Preferences {
        let mut layout = Layout::of(ListKind::Packages);
        layout.columns[1].width = Some(77.0);
        layout.columns.swap(0, 2);
        layout.sort = vec![
            SortBy { kind: ColumnKind::Size, descending: true },
            SortBy { kind: ColumnKind::Name, descending: false },
        ];
        let columns = [(ColumnKind::Supplier, "moz".to_owned())].into();
        let filters = Filters { chip: Chip::CheckOff, columns };
        let mut preferences = Preferences {
            theme: ThemePreference::Light,
            density: Density::Compact,
            place: Place::Group("Browsers".to_owned()),
            last_tab: Tab::Contents,
            property: Kept { one: Some([900.0, 640.0]), ..Kept::default() },
            arrangement: Arrangement {
                layouts: [(ListKind::Packages, layout.clone())].into(),
                views: vec![SavedView { name: "Mine".to_owned(), layout, filters }],
                filter_row: true,
                details: DetailsPane { shown: Some(false), below: true, width: 345.0, height: 200.0 },
            },
            recent: Vec::new(),
            poll_minutes: 60,
            settings: Settings {
                scale_percent: 150,
                archive_folder: "/archive".to_owned(),
                block_size_bytes: Some(4 << 20),
                check_rate: Some(10 << 20),
                notices: false,
                watched: vec![std::env::temp_dir()],
            },
        };
        preferences.opened(PathBuf::from("/a"));
        preferences.opened(PathBuf::from("/b"));
        preferences.opened(PathBuf::from("/a"));
        preferences
    }

    #[test]
    fn what_was_written_is_read_again() {
        let preferences = arranged();
        assert_eq!(preferences.recent, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(Preferences::read(&preferences.write()), preferences);
    }

    #[test]
    fn a_damaged_part_costs_only_itself() {
        let text = arranged().write();
        let mut value: Value = serde_json::from_str(&text).expect("JSON");
        value["density"] = json!("enormous");
        value["place"] = json!({"moon": 1});
        value["details"] = json!({"width": "wide"});
        value["layouts"]["packages"]["columns"][0] = json!({"kind": "smell"});
        value["layouts"]["cellar"] = json!(7);
        value["views"][0]["filters"] = json!([]);
        value["recent"] = json!([3, "/b"]);
        value["settings"]["scale_percent"] = json!(5000);
        value["settings"]["block_size_bytes"] = json!(3);
        value["watched"] = json!(["relative", {}, 1]);
        let read = Preferences::read(&value.to_string());
        assert_eq!(read.theme, ThemePreference::Light);
        assert_eq!((read.density, read.place.clone()), (Density::default(), Place::default()));
        assert_eq!(read.arrangement.details, DetailsPane::default());
        let layout = &read.arrangement.layouts[&ListKind::Packages];
        assert_eq!(layout.columns.len(), Layout::of(ListKind::Packages).columns.len() - 1);
        assert_eq!(read.arrangement.views[0].filters, Filters::default());
        assert_eq!(read.recent, [PathBuf::from("/b")]);
        assert_eq!((read.settings.scale_percent, read.settings.block_size_bytes), (200, None));
        assert_eq!(read.settings.archive_folder, "/archive");
        assert!(read.settings.watched.is_empty());
    }

    #[test]
    fn no_text_stops_the_start() {
        let text = arranged().write();
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            Preferences::read(&text[..end]);
        }
        for odd in ["", "null", "[]", "{", "{\"views\":{}}", "\u{0}", "{\"details\":{\"width\":1e999}}"] {
            assert_eq!(Preferences::read(odd), Preferences::default(), "{odd}");
        }
        assert_eq!(Preferences::read(&"[".repeat(2 << 20)), Preferences::default());
        let odd = r#"{"details":{"width":-5,"height":1e30},"layouts":{"packages":{"columns":[{"kind":"name","width":1e30}]}}}"#;
        let read = Preferences::read(odd);
        assert!(read.arrangement.details.width >= 100.0 && read.arrangement.details.height <= 1200.0);
        assert_eq!(read.arrangement.layouts[&ListKind::Packages].columns[0].width, None);
    }
}
