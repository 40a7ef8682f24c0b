//! Parts that several sections of the page use.

use {
    crate::number::{kwh, percent},
    maud::{Markup, html},
};

/// A section with its heading and what one should know to read it.
pub(super) fn section(heading: &str, note: &str, body: &Markup) -> Markup {
    html! {
        section {
            h2 { (heading) }
            p.note { (note) }
            (body)
        }
    }
}

/// Colours and what they mean, each `(class, name)`.
pub(super) fn legend(entries: impl IntoIterator<Item = (&'static str, impl AsRef<str>)>) -> Markup {
    html! {
        p.legend {
            @for (class, name) in entries {
                span { i class=(class) {} (name.as_ref()) }
            }
        }
    }
}

/// One part of a bar.
pub(super) struct Part {
    /// Its style.
    pub class: &'static str,
    pub name: &'static str,
    pub energy_wh: u64,
}

/// A bar of several parts. A labelled one is taller and shows percentages.
pub(super) fn stacked_bar(parts: &[Part], labelled: bool) -> Markup {
    let total: u64 = parts.iter().map(|part| part.energy_wh).sum();
    html! {
        .stack.tall[labelled] {
            @for Part { class, name, energy_wh } in parts.iter().filter(|part| part.energy_wh > 0) {
                @let share = *energy_wh as f64 / total.max(1) as f64 * 100.0;
                i class=(class) style={ "width:" (percentage(share)) } title={ (name) ": " (kwh(*energy_wh)) } {
                    @if labelled && share > 9.0 { (percent(*energy_wh, total)) }
                }
            }
        }
    }
}

/// A percentage as CSS takes it.
pub(super) fn percentage(share: f64) -> String {
    format!("{share:.2}%")
}
