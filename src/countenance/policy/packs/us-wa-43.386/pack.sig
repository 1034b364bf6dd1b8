countenance-pack/v1
us-wa-43.386
1.0
7a9e20846bb31b99a094266318ad2f80a662e30f162beaefa72508f1b64920e1

— countenance.example/packs c9+fZObDtHa7yfh6YXy+4x5rv+3sz/v6R/Wu8a5MafbbmUAioThoOTCgusyukPzof7z+x+44NZSk3MCSYNtLaVHp0ww=
