namespace taper::TAPER_LEVEL {}
