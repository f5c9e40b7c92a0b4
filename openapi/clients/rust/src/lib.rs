//! A client of ChiliView's API. Nothing is written by hand here: all of it is generated from `openapi/chiliview.json`.

progenitor::generate_api!(spec = "../../chiliview.json", interface = Builder, tags = Merged);
