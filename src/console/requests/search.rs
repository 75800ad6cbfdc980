//! Work of the page of search results: the first files at once, their number after them.

use crate::console::app::App;
use crate::console::pages::Place;
use crate::console::tasks::Show;
use crate::session::{CountFiles, FindFiles, Search};

impl App {
    /// Searches and shows what is found.
    pub(in crate::console) fn find(&mut self, search: Search, limit: usize) {
        if search.pattern.trim().is_empty() {
            return;
        }
        self.go(Place::Search);
        let number = self.search_page.begin(search.clone(), limit);
        let request = FindFiles { search: search.clone(), limit };
        self.ask("", Show::Nothing, request, move |app, result| {
            if !app.search_page.is_current(number) {
                return;
            }
            match result {
                Ok(found) => {
                    let more = found.more;
                    app.search_page.set_result(found);
                    app.count_found(search, number, more);
                }
                Err(failure) => app.tell(failure),
            }
        });
    }

    /// Counts everything that is found; where all of it is shown, that tells how many packages have it.
    fn count_found(&mut self, search: Search, number: u64, more: bool) {
        let show = if more { Show::Row } else { Show::Nothing };
        self.ask("Counting what is found", show, CountFiles { search }, move |app, result| {
            if let Ok(count) = result
                && app.search_page.is_current(number)
            {
                app.search_page.set_count(count);
            }
        });
    }
}
