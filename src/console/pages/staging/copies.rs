//! The rows of a list of staged copies: those of one staging library, or of one package.

use crate::console::format;
use crate::console::icons::{Icon, Mark};
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tone;
use crate::console::widgets::list::{Cell, Column, Row, Rows};
use crate::session::CopyRow;

use super::words::{copy_text, verified_text};

/// The columns.
pub fn columns() -> [Column; 6] {
    [
        Column::text("Package", 170.0).growing().unsortable(),
        Column::text("Version", 100.0).unsortable(),
        Column::number("Revision", 70.0).unsortable(),
        Column::text("There", 270.0).unsortable(),
        Column::text("Verified", 140.0).unsortable(),
        Column::number("Size", 80.0).unsortable(),
    ]
}

/// Copies of one staging library.
pub struct CopyRows<'a> {
    /// By name and version.
    pub copies: &'a [&'a CopyRow],
    /// The clock.
    pub moment: Moment<'a>,
}

impl Rows for CopyRows<'_> {
    fn len(&self) -> usize {
        self.copies.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(row) = self.copies.get(index) else { return Row::default() };
        let copy = &row.copy;
        let (state, tone) = copy_text(row);
        let verified = verified_text(row, self.moment);
        let name = format!("{}, revision {}, {state}, verified {verified}", copy.key.title(), copy.revision);
        let cells = vec![
            Cell::new(copy.key.name()),
            Cell::new(copy.key.version()),
            Cell::secondary(copy.revision.to_string()),
            Cell::new(state).tone(tone),
            Cell::secondary(verified),
            Cell::secondary(format::size(copy.size_bytes)),
        ];
        let icon = if tone == Tone::Bad { Icon::PackageMissing } else { Icon::PackageSealed };
        let mark = (tone != Tone::Secondary).then_some(Mark::Differs);
        Row { icon: Some((icon, mark)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.copies.get(index).map_or("", |row| row.copy.key.name())
    }
}
