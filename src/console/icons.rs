//! Icons of 16 px, drawn with lines.
//!
//! Each icon is data in a 16 by 16 grid; the coordinates end in .5 so that lines of 1 px fall on whole pixels.
//! The shape alone tells the state. Colours come from the caller.

use std::f32::consts::TAU;

use egui::{Align2, Color32, Painter, Pos2, Rect, Shape, Stroke, Vec2, pos2, vec2};

/// Side of an icon, in points.
pub const SIZE: f32 = 16.0;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Icon {
    /// Open package: a box without a lid.
    PackageOpen,
    /// Sealed package: a box with lid and label.
    PackageSealed,
    /// Archived package: a box in a drawer.
    PackageArchived,
    /// A package whose files are gone: a box of dashes.
    PackageMissing,
    /// The library.
    Library,
    /// A software group.
    Folder,
    /// The archive.
    Archive,
    /// A finding.
    Warning,
    /// Check of the library.
    Shield,
    /// History.
    Clock,
    /// Paused: it goes on when somebody says so.
    Pause,
    /// Downloads.
    Download,
    /// Jobs.
    Jobs,
    /// Computers.
    Computers,
    /// Staging libraries.
    Staging,
    /// Search.
    Search,
    /// Something new.
    Plus,
    /// Close.
    Close,
    /// Sorted upwards.
    SortUp,
    /// Sorted downwards.
    SortDown,
    /// Done, ticked.
    Check,
    /// An added file.
    Added,
    /// A removed file.
    Removed,
    /// A file of another size.
    Resized,
    /// A name that differs in case only.
    Case,
    /// A file of other content.
    Damaged,
    /// A signing key.
    Key,
    /// Settings: two sliders.
    Settings,
    /// A remark.
    Info,
    /// A folded branch.
    Right,
    /// An unfolded branch.
    Down,
}

/// A small sign at the lower right corner of an icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// A lock: blocked.
    Blocked,
    /// An exclamation mark: differs.
    Differs,
    /// A crossed shield: the check is off.
    CheckOff,
}

impl Icon {
    /// Every icon, in the order of the enum.
    pub const ALL: [Self; 30] = [
        Self::PackageOpen,
        Self::PackageSealed,
        Self::PackageArchived,
        Self::PackageMissing,
        Self::Library,
        Self::Folder,
        Self::Archive,
        Self::Warning,
        Self::Shield,
        Self::Clock,
        Self::Pause,
        Self::Download,
        Self::Jobs,
        Self::Computers,
        Self::Staging,
        Self::Search,
        Self::Plus,
        Self::Close,
        Self::SortUp,
        Self::SortDown,
        Self::Check,
        Self::Added,
        Self::Removed,
        Self::Resized,
        Self::Case,
        Self::Damaged,
        Self::Key,
        Self::Info,
        Self::Right,
        Self::Down,
    ];
}

/// A piece of an icon, in the 16 by 16 grid.
enum Part {
    /// A line through points.
    Line(&'static [(f32, f32)]),
    /// A closed line.
    Loop(&'static [(f32, f32)]),
    /// A filled convex shape.
    Fill(&'static [(f32, f32)]),
    /// A ring: centre and radius.
    Ring(f32, f32, f32),
    /// A filled circle.
    Dot(f32, f32, f32),
}
use Part::{Dot, Fill, Line, Loop, Ring};

const SHIELD: &[(f32, f32)] =
    &[(8.0, 1.5), (13.5, 3.5), (13.5, 8.0), (12.0, 11.5), (8.0, 14.5), (4.0, 11.5), (2.5, 8.0), (2.5, 3.5)];

fn parts(icon: Icon) -> &'static [Part] {
    match icon {
        Icon::PackageOpen => &[Line(&[
            (5.5, 2.5),
            (3.5, 2.5),
            (2.5, 3.5),
            (2.5, 13.5),
            (13.5, 13.5),
            (13.5, 3.5),
            (12.5, 2.5),
            (10.5, 2.5),
        ])],
        Icon::PackageSealed => &[
            Loop(&[(2.5, 3.5), (13.5, 3.5), (13.5, 13.5), (2.5, 13.5)]),
            Line(&[(2.5, 6.5), (13.5, 6.5)]),
            Line(&[(5.5, 10.0), (10.5, 10.0)]),
        ],
        Icon::PackageArchived | Icon::Archive => &[
            Loop(&[(1.5, 2.5), (14.5, 2.5), (14.5, 5.5), (1.5, 5.5)]),
            Line(&[(2.5, 5.5), (2.5, 13.5), (13.5, 13.5), (13.5, 5.5)]),
            Line(&[(6.0, 8.5), (10.0, 8.5)]),
        ],
        Icon::PackageMissing => &[
            Line(&[(2.5, 5.5), (2.5, 3.5), (4.5, 3.5)]),
            Line(&[(11.5, 3.5), (13.5, 3.5), (13.5, 5.5)]),
            Line(&[(13.5, 11.5), (13.5, 13.5), (11.5, 13.5)]),
            Line(&[(4.5, 13.5), (2.5, 13.5), (2.5, 11.5)]),
            Line(&[(6.5, 3.5), (9.5, 3.5)]),
            Line(&[(6.5, 13.5), (9.5, 13.5)]),
            Line(&[(2.5, 7.5), (2.5, 9.5)]),
            Line(&[(13.5, 7.5), (13.5, 9.5)]),
        ],
        Icon::Library => &[
            Loop(&[(2.5, 2.5), (5.5, 2.5), (5.5, 13.5), (2.5, 13.5)]),
            Loop(&[(5.5, 2.5), (8.5, 2.5), (8.5, 13.5), (5.5, 13.5)]),
            Loop(&[(9.5, 3.5), (12.0, 2.8), (14.5, 12.8), (12.0, 13.5)]),
        ],
        Icon::Folder => {
            &[Loop(&[(1.5, 12.5), (1.5, 3.5), (6.0, 3.5), (7.5, 5.5), (14.5, 5.5), (14.5, 12.5)])]
        }
        Icon::Warning => &[
            Loop(&[(8.0, 2.0), (14.5, 13.5), (1.5, 13.5)]),
            Line(&[(8.0, 6.5), (8.0, 9.5)]),
            Dot(8.0, 11.5, 0.8),
        ],
        Icon::Shield => &[Loop(SHIELD)],
        Icon::Clock => &[Ring(8.0, 8.0, 6.0), Line(&[(8.0, 4.5), (8.0, 8.0), (10.5, 9.5)])],
        Icon::Pause => &[Line(&[(5.5, 3.5), (5.5, 12.5)]), Line(&[(10.5, 3.5), (10.5, 12.5)])],
        Icon::Download => &[
            Line(&[(8.0, 2.0), (8.0, 10.5)]),
            Line(&[(4.5, 7.0), (8.0, 10.5), (11.5, 7.0)]),
            Line(&[(2.5, 13.5), (13.5, 13.5)]),
        ],
        Icon::Jobs => &[
            Line(&[(6.5, 3.5), (14.0, 3.5)]),
            Line(&[(6.5, 8.5), (14.0, 8.5)]),
            Line(&[(6.5, 13.5), (14.0, 13.5)]),
            Line(&[(2.0, 3.5), (3.2, 4.7), (5.0, 2.3)]),
            Ring(3.5, 8.5, 1.0),
            Ring(3.5, 13.5, 1.0),
        ],
        Icon::Computers => &[
            Loop(&[(1.5, 2.5), (14.5, 2.5), (14.5, 10.5), (1.5, 10.5)]),
            Line(&[(8.0, 10.5), (8.0, 13.5)]),
            Line(&[(5.0, 13.5), (11.0, 13.5)]),
        ],
        Icon::Staging => &[
            Loop(&[(2.5, 2.5), (13.5, 2.5), (13.5, 7.5), (2.5, 7.5)]),
            Loop(&[(2.5, 8.5), (13.5, 8.5), (13.5, 13.5), (2.5, 13.5)]),
            Dot(5.0, 5.0, 0.8),
            Dot(5.0, 11.0, 0.8),
        ],
        Icon::Search => &[Ring(6.5, 6.5, 4.5), Line(&[(10.0, 10.0), (14.0, 14.0)])],
        Icon::Plus | Icon::Added => &[Line(&[(8.5, 3.0), (8.5, 14.0)]), Line(&[(3.0, 8.5), (14.0, 8.5)])],
        Icon::Close => &[Line(&[(4.0, 4.0), (12.0, 12.0)]), Line(&[(12.0, 4.0), (4.0, 12.0)])],
        Icon::SortUp => &[Fill(&[(8.0, 5.0), (12.0, 11.0), (4.0, 11.0)])],
        Icon::SortDown => &[Fill(&[(4.0, 5.0), (12.0, 5.0), (8.0, 11.0)])],
        Icon::Check => &[Line(&[(3.0, 8.5), (6.5, 12.0), (13.0, 4.5)])],
        Icon::Removed => &[Line(&[(3.0, 8.5), (14.0, 8.5)])],
        Icon::Resized => &[
            Line(&[(3.0, 6.5), (13.0, 6.5)]),
            Line(&[(3.0, 10.5), (13.0, 10.5)]),
            Line(&[(10.5, 3.0), (5.5, 14.0)]),
        ],
        Icon::Case => &[
            Line(&[(1.0, 12.5), (4.5, 3.5), (8.0, 12.5)]),
            Line(&[(2.3, 9.5), (6.7, 9.5)]),
            Ring(11.6, 10.0, 2.4),
            Line(&[(14.5, 7.0), (14.5, 12.9)]),
        ],
        Icon::Damaged => &[
            Line(&[(6.5, 2.5), (4.5, 13.5)]),
            Line(&[(11.5, 2.5), (9.5, 13.5)]),
            Line(&[(3.0, 5.5), (13.5, 5.5)]),
            Line(&[(2.5, 10.5), (13.0, 10.5)]),
        ],
        Icon::Key => &[
            Ring(4.8, 8.5, 3.0),
            Line(&[(7.8, 8.5), (14.5, 8.5), (14.5, 11.5)]),
            Line(&[(11.5, 8.5), (11.5, 11.0)]),
        ],
        Icon::Settings => &[
            Line(&[(1.5, 5.5), (7.0, 5.5)]),
            Line(&[(11.0, 5.5), (14.5, 5.5)]),
            Ring(9.0, 5.5, 2.0),
            Line(&[(1.5, 11.5), (3.0, 11.5)]),
            Line(&[(7.0, 11.5), (14.5, 11.5)]),
            Ring(5.0, 11.5, 2.0),
        ],
        Icon::Info => &[Ring(8.0, 8.0, 6.0), Line(&[(8.0, 7.0), (8.0, 11.5)]), Dot(8.0, 4.8, 0.8)],
        Icon::Right => &[Line(&[(6.5, 4.5), (10.0, 8.0), (6.5, 11.5)])],
        Icon::Down => &[Line(&[(4.5, 6.5), (8.0, 10.0), (11.5, 6.5)])],
    }
}

/// Draws `icon` in `colour` around `centre`.
pub fn paint(painter: &Painter, centre: Pos2, icon: Icon, colour: Color32) {
    let origin = origin(painter, centre);
    let stroke = Stroke::new(1.2, colour);
    let place = |points: &[(f32, f32)]| points.iter().map(|(x, y)| origin + vec2(*x, *y)).collect::<Vec<_>>();
    for part in parts(icon) {
        painter.add(match part {
            Line(points) => Shape::line(place(points), stroke),
            Loop(points) => Shape::closed_line(place(points), stroke),
            Fill(points) => Shape::convex_polygon(place(points), colour, Stroke::NONE),
            Ring(x, y, radius) => Shape::circle_stroke(origin + vec2(*x, *y), *radius, stroke),
            Dot(x, y, radius) => Shape::circle_filled(origin + vec2(*x, *y), *radius, colour),
        });
    }
}

/// Draws a corner mark over an icon painted around `centre`: the sign in `ground` on a disc of `colour`.
pub fn paint_mark(painter: &Painter, centre: Pos2, mark: Mark, colour: Color32, ground: Color32) {
    let centre = origin(painter, centre) + vec2(12.0, 12.0);
    painter.circle_filled(centre, 5.2, ground);
    let at = |x: f32, y: f32| centre + vec2(x, y);
    let thin = Stroke::new(1.2, colour);
    match mark {
        Mark::Differs => {
            painter.circle_filled(centre, 4.2, colour);
            painter.line_segment([at(0.0, -2.6), at(0.0, 0.6)], Stroke::new(1.4, ground));
            painter.circle_filled(at(0.0, 2.3), 0.8, ground);
        }
        Mark::Blocked => {
            // The bow of a lock: the upper half of a circle with two short legs.
            let mut bow = vec![at(-1.9, 0.0)];
            bow.extend((0..=8).map(|step| {
                let angle = TAU / 2.0 + TAU / 2.0 * step as f32 / 8.0;
                at(1.9 * angle.cos(), -1.6 + 1.9 * angle.sin())
            }));
            bow.push(at(1.9, 0.0));
            painter.add(Shape::line(bow, thin));
            painter.rect_filled(Rect::from_min_max(at(-3.4, -0.4), at(3.4, 4.0)), 0.8, colour);
        }
        Mark::CheckOff => {
            let small =
                SHIELD.iter().map(|(x, y)| centre + (vec2(*x, *y) - Vec2::splat(8.0)) * 0.55).collect();
            painter.add(Shape::closed_line(small, thin));
            painter.line_segment([at(-4.0, 4.0), at(4.0, -4.0)], thin);
        }
    }
}

/// The upper left corner, on a whole pixel, so that lines stay sharp wherever the icon stands.
fn origin(painter: &Painter, centre: Pos2) -> Pos2 {
    let scale = painter.pixels_per_point();
    let corner = Align2::CENTER_CENTER.anchor_size(centre, Vec2::splat(SIZE)).min;
    pos2((corner.x * scale).round() / scale, (corner.y * scale).round() / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_stays_inside_its_square() {
        for icon in Icon::ALL {
            let inside = |x: f32, y: f32, by: f32| {
                assert!(
                    x - by >= 0.0 && x + by <= 16.0 && y - by >= 0.0 && y + by <= 16.0,
                    "{icon:?}: {x} {y}"
                );
            };
            assert!(!parts(icon).is_empty(), "{icon:?}");
            for part in parts(icon) {
                match part {
                    Line(points) | Loop(points) | Fill(points) => {
                        points.iter().for_each(|(x, y)| inside(*x, *y, 0.0));
                    }
                    Ring(x, y, radius) | Dot(x, y, radius) => inside(*x, *y, *radius),
                }
            }
        }
    }
}
