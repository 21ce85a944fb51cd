//! Time as this room knows it: milliseconds on a monotonic clock whose zero is anywhere.

/// Milliseconds, as a point on the driver's monotonic clock or as a span between two such points.
pub type Millis = u64;

/// The earliest of some deadlines, where there is one.
pub fn earliest(deadlines: impl IntoIterator<Item = Option<Millis>>) -> Option<Millis> {
    deadlines.into_iter().flatten().min()
}
