"""Statistics: label table in, frozen result out. No pictures, no storage; numpy, scipy and pandas only at import."""
