//! What the console can be told at its start.

use std::path::PathBuf;

use super::renderer::Renderer;

/// Dark, light, or as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ThemeChoice {
    /// As the system has it
    #[default]
    System,
    /// Light
    Light,
    /// Dark
    Dark,
}

impl From<ThemeChoice> for egui::ThemePreference {
    fn from(choice: ThemeChoice) -> Self {
        match choice {
            ThemeChoice::System => Self::System,
            ThemeChoice::Light => Self::Light,
            ThemeChoice::Dark => Self::Dark,
        }
    }
}

/// Keeps software packages and proves that none has changed.
#[derive(Clone, Debug, Default, clap::Parser)]
#[command(name = "packhouse", version, about)]
pub struct Arguments {
    /// Library to open [default: $PACKHOUSE_LIBRARY, else Packhouse in the documents or home folder]
    #[arg(long, value_name = "DIR")]
    pub library: Option<PathBuf>,
    /// What draws the window; the other one is tried if this one does not start
    #[arg(long, value_enum, value_name = "R")]
    pub renderer: Option<Renderer>,
    /// Colours of the window
    #[arg(long, value_enum, value_name = "T")]
    pub theme: Option<ThemeChoice>,
    /// Append log lines to this file
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Log more
    #[arg(long, short)]
    pub verbose: bool,
    /// Folders or files to register, an archive to restore, or a .meta4 file to download
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn all_arguments_are_understood() -> Result<(), clap::Error> {
        let arguments = Arguments::try_parse_from([
            "packhouse",
            "--library",
            "/srv/p",
            "--renderer",
            "wgpu",
            "--log",
            "a.log",
            "--verbose",
            "one",
            "two",
        ])?;
        assert_eq!(arguments.library, Some(PathBuf::from("/srv/p")));
        assert_eq!(arguments.renderer, Some(Renderer::Wgpu));
        assert_eq!(arguments.log, Some(PathBuf::from("a.log")));
        assert!(arguments.verbose);
        assert_eq!(arguments.paths, [PathBuf::from("one"), PathBuf::from("two")]);
        assert!(Arguments::try_parse_from(["packhouse", "--renderer", "paper"]).is_err());
        Ok(())
    }
}
