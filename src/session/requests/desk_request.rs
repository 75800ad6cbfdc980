//! Declares requests that a desk of deliveries answers: staging libraries, computers, jobs.

/// Declares a request: its fields, reply, title, whether it changes what a list shows, the desk of the session, and what
/// that answers. A delivery manager that runs here looks at once what a change means for it.
macro_rules! desk_request {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty),* $(,)? } -> $reply:ty,
        $title:expr, changes: $changes:expr, $desk_of:ident,
        |$this:ident, $desk:ident, $work:ident| $run:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }

        impl $crate::session::Request for $name {
            type Reply = $reply;
            fn title(&self) -> String { $title.to_owned() }
            fn changes(&self) -> bool { $changes }
            fn run(
                self,
                session: &$crate::session::Session,
                $work: &$crate::work::Work,
            ) -> Result<$reply, $crate::failure::Failure> {
                let $this = self;
                let $desk = session.$desk_of();
                let reply =
                    $crate::session::unpanicked(|| ($run).map_err(|error| error.explain()));
                if $changes {
                    session.wake_manager();
                }
                reply
            }
        }
    };
}
pub(super) use desk_request;
