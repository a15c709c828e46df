"""Each driver under the contract of `devices.contract`; nothing here speaks to hardware itself."""
