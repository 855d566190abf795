use fieldseal::{Normalizer};

const UK: Normalizer = Normalizer::phone("UK");

fn main() {}
