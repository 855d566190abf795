use fieldseal::index::Normalizer;

const UK: Normalizer = Normalizer::phone("UK");

fn main() {}
