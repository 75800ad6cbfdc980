//! Opens the window with the renderer that fits the system, and with the other one if that fails.
//!
//! OpenGL alone does not start in some remote sessions, and software Vulkan is slower than software OpenGL; hence an
//! order per system and a fallback.

use eframe::NativeOptions;
use egui::{IconData, ViewportBuilder};

/// What draws the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Renderer {
    /// OpenGL.
    Glow,
    /// Vulkan, Metal or DirectX 12.
    Wgpu,
}

/// Name of the program to the desktop: groups windows, finds icon and settings.
pub const APP_ID: &str = "packhouse";

/// Neither renderer could open a window.
#[derive(Debug, thiserror::Error)]
#[error(
    "no window could be opened: {first:?} failed with \"{first_error}\", {second:?} with \"{second_error}\""
)]
pub struct NoWindow {
    first: Renderer,
    first_error: String,
    second: Renderer,
    second_error: String,
}

impl Renderer {
    /// The one that is tried first on this system.
    pub fn preferred() -> Self {
        if cfg!(target_os = "linux") { Self::Glow } else { Self::Wgpu }
    }

    /// The one to fall back to.
    pub fn other(self) -> Self {
        match self {
            Self::Glow => Self::Wgpu,
            Self::Wgpu => Self::Glow,
        }
    }
}

fn options(renderer: Renderer) -> NativeOptions {
    let mut viewport = ViewportBuilder::default()
        .with_app_id(APP_ID)
        .with_title("Packhouse")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([640.0, 480.0])
        .with_drag_and_drop(true);
    match eframe::icon_data::from_png_bytes(include_bytes!("../../resources/icon/packhouse-128.png")) {
        Ok(icon) => viewport = viewport.with_icon(icon),
        // A window without its picture is better than no window.
        Err(error) => {
            tracing::warn!("the icon cannot be read: {error}");
            viewport = viewport.with_icon(IconData::default());
        }
    }
    NativeOptions {
        viewport,
        renderer: match renderer {
            Renderer::Glow => eframe::Renderer::Glow,
            Renderer::Wgpu => eframe::Renderer::Wgpu,
        },
        centered: true,
        ..NativeOptions::default()
    }
}

/// Opens the window and returns when it is closed. `create` is called once for each renderer that gets that far.
pub fn run<A: eframe::App + 'static>(
    wanted: Option<Renderer>,
    create: impl Fn(&eframe::CreationContext<'_>) -> A,
) -> Result<(), NoWindow> {
    let first = wanted.unwrap_or_else(Renderer::preferred);
    let second = first.other();
    let open = |renderer| {
        eframe::run_native(APP_ID, options(renderer), Box::new(|context| Ok(Box::new(create(context)))))
    };
    let Err(first_error) = open(first) else { return Ok(()) };
    tracing::warn!("{first:?} does not start: {first_error}; trying {second:?}");
    open(second).map_err(|second_error| NoWindow {
        first,
        first_error: first_error.to_string(),
        second,
        second_error: second_error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_renderer_falls_back_to_the_other() {
        for renderer in [Renderer::Glow, Renderer::Wgpu] {
            assert_ne!(renderer, renderer.other());
            assert_eq!(renderer, renderer.other().other());
        }
    }

    #[test]
    fn the_icon_can_be_read() {
        let viewport = options(Renderer::Glow).viewport;
        assert_eq!(viewport.icon.map(|icon| (icon.width, icon.height)), Some((128, 128)));
    }
}
