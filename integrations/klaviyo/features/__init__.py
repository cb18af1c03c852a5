"""One module for each optional permission; `contract.FEATURES` has what each asks and stores."""
