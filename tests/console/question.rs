//! Command buttons, as the question about a package that differs uses them.

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use packhouse::console::widgets::command_button::command_button;

fn harness() -> Harness<'static, Vec<&'static str>> {
    let mut harness =
        Harness::builder().with_size([480.0, 300.0]).with_context_setup(super::dress).build_ui_state(
            |ui, pressed: &mut Vec<&'static str>| {
                if command_button(ui, "Accept changes…", "The files are right", false, None).clicked() {
                    pressed.push("accept");
                }
                let never = Some("There are no hashes: the package has never been sealed");
                if command_button(ui, "Repair…", "The files are wrong", false, never).clicked() {
                    pressed.push("repair");
                }
                if command_button(ui, "Keep blocked", "Deliver nothing until this is settled", true, None)
                    .clicked()
                {
                    pressed.push("keep");
                }
            },
            Vec::new(),
        );
    harness.run();
    harness
}

#[test]
fn both_lines_are_in_the_name_and_an_answer_can_be_pressed() {
    let mut harness = harness();
    harness.get_by_label("Keep blocked. Deliver nothing until this is settled").click();
    harness.run();
    assert_eq!(harness.state().as_slice(), ["keep"]);
}

#[test]
fn a_refused_answer_says_why_and_does_nothing() {
    let mut harness = harness();
    let label = "Repair…. There are no hashes: the package has never been sealed";
    harness.get_by_label(label).click();
    harness.run();
    assert!(harness.state().is_empty());
}
