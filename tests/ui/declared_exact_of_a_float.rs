use fieldseal::Index;

const INDEX: Index<f64> = Index::exact("customer", "value");

fn main() {}
