extension SlotTable {
    /// `STATE + EVENT: next state [reported state]: effects`; each line was reviewed.
    static let expected = """
        new + same record: waiting [waiting]: nothing
        new + changed record: waiting [waiting]: nothing
        new + no record: waiting [waiting]: nothing
        new + noticed: waiting [waiting]: resolve [2] ok
        new + requested: waiting [waiting]: resolve [2] ok
        new + restart: waiting [waiting]: resolve [2] ok
        new + removal: removing [waiting]: withdraw, report [2] deleting, remove
        new + pass: nothing: removing [waiting]: withdraw, remove
        new + pass: runs: removing [waiting]: withdraw, remove
        new + pass: stopped: removing [waiting]: withdraw, remove
        new + pass: other form: removing [waiting]: withdraw, remove
        new + exited: waiting [waiting]: nothing
        new + gone: waiting [waiting]: nothing
        new + timer: waiting [waiting]: nothing
        waiting + same record: waiting [waiting]: nothing
        waiting + changed record: waiting [waiting]: nothing
        waiting + no record: waiting [waiting]: nothing
        waiting + noticed: observing [waiting]: observe
        waiting + requested: observing [waiting]: observe
        waiting + restart: beginningRestart [waiting]: begin
        waiting + removal: waiting [waiting]: resolve [2] ok
        waiting + pass: nothing: observing [waiting]: observe
        waiting + pass: runs: observing [waiting]: observe
        waiting + pass: stopped: observing [waiting]: observe
        waiting + pass: other form: observing [waiting]: observe
        waiting + exited: waiting [waiting]: nothing
        waiting + gone: waiting [waiting]: nothing
        waiting + timer: waiting [waiting]: nothing
        running + same record: running [running]: nothing
        running + changed record: waiting [waiting]: nothing
        running + no record: running [running]: nothing
        running + noticed: observing [running]: observe
        running + requested: observing [running]: observe
        running + restart: beginningRestart [running]: begin
        running + removal: running [running]: resolve [2] ok
        running + pass: nothing: running [running]: probe
        running + pass: runs: running [running]: nothing
        running + pass: stopped: running [running]: probe
        running + pass: other form: observing [running]: observe
        running + exited: running [running]: probe
        running + gone: backingOff [restarting]: withdraw, log processEnded, timer 1 in 1.0 seconds
        running + timer: running [running]: nothing
        backingOff + same record: backingOff [restarting]: nothing
        backingOff + changed record: waiting [waiting]: nothing
        backingOff + no record: backingOff [restarting]: nothing
        backingOff + noticed: observing [restarting]: observe
        backingOff + requested: observing [restarting]: observe
        backingOff + restart: beginningRestart [restarting]: begin
        backingOff + removal: backingOff [restarting]: resolve [2] ok
        backingOff + pass: nothing: backingOff [restarting]: nothing
        backingOff + pass: runs: backingOff [restarting]: nothing
        backingOff + pass: stopped: backingOff [restarting]: nothing
        backingOff + pass: other form: backingOff [restarting]: nothing
        backingOff + exited: backingOff [restarting]: nothing
        backingOff + gone: backingOff [restarting]: nothing
        backingOff + timer: observing [restarting]: observe
        ended + same record: ended [failed]: nothing
        ended + changed record: waiting [waiting]: nothing
        ended + no record: ended [failed]: nothing
        ended + noticed: observing [failed]: observe
        ended + requested: observing [failed]: observe
        ended + restart: beginningRestart [failed]: begin
        ended + removal: ended [failed]: resolve [2] ok
        ended + pass: nothing: ended [failed]: nothing
        ended + pass: runs: observing [failed]: observe
        ended + pass: stopped: ended [failed]: nothing
        ended + pass: other form: observing [failed]: observe
        ended + exited: ended [failed]: nothing
        ended + gone: ended [failed]: nothing
        ended + timer: ended [failed]: nothing
        failed + same record: failed [failed]: nothing
        failed + changed record: waiting [waiting]: nothing
        failed + no record: failed [failed]: nothing
        failed + noticed: observing [failed]: observe
        failed + requested: observing [failed]: observe
        failed + restart: beginningRestart [failed]: begin
        failed + removal: failed [failed]: resolve [2] ok
        failed + pass: nothing: observing [failed]: observe
        failed + pass: runs: observing [failed]: observe
        failed + pass: stopped: observing [failed]: observe
        failed + pass: other form: observing [failed]: observe
        failed + exited: failed [failed]: nothing
        failed + gone: failed [failed]: nothing
        failed + timer: failed [failed]: nothing
        removalFailed + same record: waiting [waiting]: nothing
        removalFailed + changed record: waiting [waiting]: nothing
        removalFailed + no record: removalFailed [deleting]: nothing
        removalFailed + noticed: removalFailed [deleting]: resolve [2] ok
        removalFailed + requested: removalFailed [deleting]: resolve [2] ok
        removalFailed + restart: removalFailed [deleting]: resolve [2] ok
        removalFailed + removal: removing [deleting]: withdraw, report [2] deleting, remove
        removalFailed + pass: nothing: removalFailed [deleting]: nothing
        removalFailed + pass: runs: removalFailed [deleting]: nothing
        removalFailed + pass: stopped: removalFailed [deleting]: nothing
        removalFailed + pass: other form: removalFailed [deleting]: nothing
        removalFailed + exited: removalFailed [deleting]: nothing
        removalFailed + gone: removalFailed [deleting]: nothing
        removalFailed + timer: removing [deleting]: withdraw, remove
        unwanted + same record: waiting [waiting]: nothing
        unwanted + changed record: waiting [waiting]: nothing
        unwanted + no record: running [running]: nothing
        unwanted + noticed: running [running]: resolve [2] ok
        unwanted + requested: running [running]: resolve [2] ok
        unwanted + restart: running [running]: resolve [2] ok
        unwanted + removal: removing [deleting]: withdraw, report [2] deleting, remove
        unwanted + pass: nothing: removing [deleting]: withdraw, remove
        unwanted + pass: runs: removing [deleting]: withdraw, remove
        unwanted + pass: stopped: removing [deleting]: withdraw, remove
        unwanted + pass: other form: removing [deleting]: withdraw, remove
        unwanted + exited: running [running]: probe
        unwanted + gone: waiting [running]: withdraw
        unwanted + timer: running [running]: nothing
        observing + same record: observing [waiting]: nothing
        observing + changed record: observing [waiting]: nothing
        observing + no record: observing [waiting]: nothing
        observing + noticed: observing then noticed [waiting]: nothing
        observing + requested: observing then requested [waiting]: nothing
        observing + restart: observing then restart [waiting]: nothing
        observing + removal: observing [waiting]: resolve [2] ok
        observing + pass: nothing: observing [waiting]: nothing
        observing + pass: runs: observing [waiting]: nothing
        observing + pass: stopped: observing [waiting]: nothing
        observing + pass: other form: observing [waiting]: nothing
        observing + exited: observing [waiting]: nothing
        observing + gone: observing [waiting]: nothing
        observing + timer: observing [waiting]: nothing
        observing + failed: failed [failed]: report [1] failed, resolve [1] failed
        observing + stopping: failed [failed]: resolve [1] failed
        observing + runs: running [running]: report [1] running, publish, resolve [1] ok
        observing + stopped: beginning [creating]: begin
        observing + other form: checkingImage [waiting]: checkImage
        observing + no address: checkingImage [waiting]: checkImage
        observing + nothing: checkingImage [waiting]: checkImage
        observing after running + same record: observing [running]: nothing
        observing after running + changed record: observing [waiting]: nothing
        observing after running + no record: observing [running]: nothing
        observing after running + noticed: observing then noticed [running]: nothing
        observing after running + requested: observing then requested [running]: nothing
        observing after running + restart: observing then restart [running]: nothing
        observing after running + removal: observing [running]: resolve [2] ok
        observing after running + pass: nothing: observing [running]: nothing
        observing after running + pass: runs: observing [running]: nothing
        observing after running + pass: stopped: observing [running]: nothing
        observing after running + pass: other form: observing [running]: nothing
        observing after running + exited: observing [running]: probe
        observing after running + gone: observing [restarting]: withdraw, log processEnded, timer 1 in 1.0 seconds
        observing after running + timer: observing [running]: nothing
        observing after running + failed: failed [failed]: log didNotRun
        observing after running + stopping: failed [failed]: nothing
        observing after running + runs: running [running]: publish
        observing after running + stopped: beginning [creating]: begin
        observing after running + nothing: checkingImage [running]: checkImage
        checkingImage + same record: checkingImage [waiting]: nothing
        checkingImage + changed record: checkingImage [waiting]: nothing
        checkingImage + no record: checkingImage [waiting]: nothing
        checkingImage + noticed: checkingImage then noticed [waiting]: nothing
        checkingImage + requested: checkingImage then requested [waiting]: nothing
        checkingImage + restart: checkingImage then restart [waiting]: nothing
        checkingImage + removal: checkingImage [waiting]: resolve [2] ok
        checkingImage + pass: nothing: checkingImage [waiting]: nothing
        checkingImage + pass: runs: checkingImage [waiting]: nothing
        checkingImage + pass: stopped: checkingImage [waiting]: nothing
        checkingImage + pass: other form: checkingImage [waiting]: nothing
        checkingImage + exited: checkingImage [waiting]: nothing
        checkingImage + gone: checkingImage [waiting]: nothing
        checkingImage + timer: checkingImage [waiting]: nothing
        checkingImage + failed: failed [failed]: report [1] failed, resolve [1] failed
        checkingImage + stopping: failed [failed]: resolve [1] failed
        checkingImage + image: beginning [creating]: begin
        checkingImage + no image: pulling [pulling]: pull
        pulling + same record: pulling [pulling]: nothing
        pulling + changed record: pulling [waiting]: endPull
        pulling + no record: pulling [pulling]: endPull
        pulling + noticed: pulling then noticed [pulling]: nothing
        pulling + requested: pulling then requested [pulling]: nothing
        pulling + restart: pulling then restart [pulling]: nothing
        pulling + removal: pulling [pulling]: resolve [2] ok
        pulling + pass: nothing: pulling [pulling]: nothing
        pulling + pass: runs: pulling [pulling]: nothing
        pulling + pass: stopped: pulling [pulling]: nothing
        pulling + pass: other form: pulling [pulling]: nothing
        pulling + exited: pulling [pulling]: nothing
        pulling + gone: pulling [pulling]: nothing
        pulling + timer: pulling [pulling]: nothing
        pulling + done: beginning [creating]: begin
        pulling + failed: failed [failed]: report [1] failed, resolve [1] failed
        pulling + stopping: failed [failed]: resolve [1] failed
        clearing + same record: clearing [creating]: nothing
        clearing + changed record: clearing [waiting]: nothing
        clearing + no record: clearing [creating]: nothing
        clearing + noticed: clearing then noticed [creating]: nothing
        clearing + requested: clearing then requested [creating]: nothing
        clearing + restart: clearing then restart [creating]: nothing
        clearing + removal: clearing [creating]: resolve [2] ok
        clearing + pass: nothing: clearing [creating]: nothing
        clearing + pass: runs: clearing [creating]: nothing
        clearing + pass: stopped: clearing [creating]: nothing
        clearing + pass: other form: clearing [creating]: nothing
        clearing + exited: clearing [creating]: nothing
        clearing + gone: clearing [creating]: nothing
        clearing + timer: clearing [creating]: nothing
        clearing + done: beginning [creating]: begin
        clearing + failed: failed [failed]: report [1] failed, resolve [1] failed
        clearing + stopping: failed [failed]: resolve [1] failed
        beginning + same record: beginning [creating]: nothing
        beginning + changed record: beginning [waiting]: nothing
        beginning + no record: beginning [creating]: nothing
        beginning + noticed: beginning then noticed [creating]: nothing
        beginning + requested: beginning then requested [creating]: nothing
        beginning + restart: beginning then restart [creating]: nothing
        beginning + removal: beginning [creating]: resolve [2] ok
        beginning + pass: nothing: beginning [creating]: nothing
        beginning + pass: runs: beginning [creating]: nothing
        beginning + pass: stopped: beginning [creating]: nothing
        beginning + pass: other form: beginning [creating]: nothing
        beginning + exited: beginning [creating]: nothing
        beginning + gone: beginning [creating]: nothing
        beginning + timer: beginning [creating]: nothing
        beginning + done: starting [creating]: start
        beginning + failed: failed [failed]: report [1] failed, resolve [1] failed
        beginning + stopping: failed [failed]: resolve [1] failed
        starting + same record: starting [creating]: nothing
        starting + changed record: starting [waiting]: nothing
        starting + no record: starting [creating]: nothing
        starting + noticed: starting then noticed [creating]: nothing
        starting + requested: starting then requested [creating]: nothing
        starting + restart: starting then restart [creating]: nothing
        starting + removal: starting [creating]: resolve [2] ok
        starting + pass: nothing: starting [creating]: nothing
        starting + pass: runs: starting [creating]: nothing
        starting + pass: stopped: starting [creating]: nothing
        starting + pass: other form: starting [creating]: nothing
        starting + exited: starting [creating]: nothing
        starting + gone: starting [creating]: nothing
        starting + timer: starting [creating]: nothing
        starting + failed: undoing [failed]: withdraw, remove
        starting + stopping: failed [failed]: resolve [1] failed
        starting + started: finishing [creating]: finish
        starting + ended: finishingEnded [creating]: finish
        starting + job done: finishing [creating]: finish
        finishing + same record: finishing [creating]: nothing
        finishing + changed record: finishing [waiting]: nothing
        finishing + no record: finishing [creating]: nothing
        finishing + noticed: finishing then noticed [creating]: nothing
        finishing + requested: finishing then requested [creating]: nothing
        finishing + restart: finishing then restart [creating]: nothing
        finishing + removal: finishing [creating]: resolve [2] ok
        finishing + pass: nothing: finishing [creating]: nothing
        finishing + pass: runs: finishing [creating]: nothing
        finishing + pass: stopped: finishing [creating]: nothing
        finishing + pass: other form: finishing [creating]: nothing
        finishing + exited: finishing [creating]: nothing
        finishing + gone: finishing [creating]: nothing
        finishing + timer: finishing [creating]: nothing
        finishing + done: running [running]: publish, resolve [1] ok
        finishing + failed: undoing [failed]: withdraw, remove
        finishing + stopping: failed [failed]: resolve [1] failed
        finishingEnded + same record: finishingEnded [creating]: nothing
        finishingEnded + changed record: finishingEnded [waiting]: nothing
        finishingEnded + no record: finishingEnded [creating]: nothing
        finishingEnded + noticed: finishingEnded then noticed [creating]: nothing
        finishingEnded + requested: finishingEnded then requested [creating]: nothing
        finishingEnded + restart: finishingEnded then restart [creating]: nothing
        finishingEnded + removal: finishingEnded [creating]: resolve [2] ok
        finishingEnded + pass: nothing: finishingEnded [creating]: nothing
        finishingEnded + pass: runs: finishingEnded [creating]: nothing
        finishingEnded + pass: stopped: finishingEnded [creating]: nothing
        finishingEnded + pass: other form: finishingEnded [creating]: nothing
        finishingEnded + exited: finishingEnded [creating]: nothing
        finishingEnded + gone: finishingEnded [creating]: nothing
        finishingEnded + timer: finishingEnded [creating]: nothing
        finishingEnded + done: backingOff [restarting]: withdraw, log processEnded, timer 1 in 1.0 seconds, report [1] failed, resolve [1] failed
        finishingEnded + failed: failed [failed]: report [1] failed, resolve [1] failed
        finishingEnded + stopping: failed [failed]: resolve [1] failed
        undoing + same record: undoing [failed]: nothing
        undoing + changed record: undoing [waiting]: nothing
        undoing + no record: undoing [failed]: nothing
        undoing + noticed: undoing then noticed [failed]: nothing
        undoing + requested: undoing then requested [failed]: nothing
        undoing + restart: undoing then restart [failed]: nothing
        undoing + removal: undoing [failed]: resolve [2] ok
        undoing + pass: nothing: undoing [failed]: nothing
        undoing + pass: runs: undoing [failed]: nothing
        undoing + pass: stopped: undoing [failed]: nothing
        undoing + pass: other form: undoing [failed]: nothing
        undoing + exited: undoing [failed]: nothing
        undoing + gone: undoing [failed]: nothing
        undoing + timer: undoing [failed]: nothing
        undoing + done: finishingUndone [failed]: finish
        undoing + failed: failed [failed]: log notUndone, report [1] failed, resolve [1] failed
        undoing + stopping: failed [failed]: resolve [1] failed
        finishingUndone + same record: finishingUndone [failed]: nothing
        finishingUndone + changed record: finishingUndone [waiting]: nothing
        finishingUndone + no record: finishingUndone [failed]: nothing
        finishingUndone + noticed: finishingUndone then noticed [failed]: nothing
        finishingUndone + requested: finishingUndone then requested [failed]: nothing
        finishingUndone + restart: finishingUndone then restart [failed]: nothing
        finishingUndone + removal: finishingUndone [failed]: resolve [2] ok
        finishingUndone + pass: nothing: finishingUndone [failed]: nothing
        finishingUndone + pass: runs: finishingUndone [failed]: nothing
        finishingUndone + pass: stopped: finishingUndone [failed]: nothing
        finishingUndone + pass: other form: finishingUndone [failed]: nothing
        finishingUndone + exited: finishingUndone [failed]: nothing
        finishingUndone + gone: finishingUndone [failed]: nothing
        finishingUndone + timer: finishingUndone [failed]: nothing
        finishingUndone + done: failed [failed]: report [1] failed, resolve [1] failed
        finishingUndone + failed: failed [failed]: log notUndone, report [1] failed, resolve [1] failed
        finishingUndone + stopping: failed [failed]: resolve [1] failed
        beginningRestart + same record: beginningRestart [running]: nothing
        beginningRestart + changed record: beginningRestart [waiting]: nothing
        beginningRestart + no record: beginningRestart [running]: nothing
        beginningRestart + noticed: beginningRestart then noticed [running]: nothing
        beginningRestart + requested: beginningRestart then requested [running]: nothing
        beginningRestart + restart: beginningRestart then restart [running]: nothing
        beginningRestart + removal: beginningRestart [running]: resolve [2] ok
        beginningRestart + pass: nothing: beginningRestart [running]: nothing
        beginningRestart + pass: runs: beginningRestart [running]: nothing
        beginningRestart + pass: stopped: beginningRestart [running]: nothing
        beginningRestart + pass: other form: beginningRestart [running]: nothing
        beginningRestart + exited: beginningRestart [running]: nothing
        beginningRestart + gone: beginningRestart [running]: nothing
        beginningRestart + timer: beginningRestart [running]: nothing
        beginningRestart + done: stopping [starting]: withdraw, report [1] restarting, stop
        beginningRestart + failed: running [running]: report [1] failed, resolve [1] failed
        beginningRestart + stopping: failed [failed]: resolve [1] failed
        stopping + same record: stopping [starting]: nothing
        stopping + changed record: stopping [waiting]: nothing
        stopping + no record: stopping [starting]: nothing
        stopping + noticed: stopping then noticed [starting]: nothing
        stopping + requested: stopping then requested [starting]: nothing
        stopping + restart: stopping then restart [starting]: nothing
        stopping + removal: stopping [starting]: resolve [2] ok
        stopping + pass: nothing: stopping [starting]: nothing
        stopping + pass: runs: stopping [starting]: nothing
        stopping + pass: stopped: stopping [starting]: nothing
        stopping + pass: other form: stopping [starting]: nothing
        stopping + exited: stopping [starting]: nothing
        stopping + gone: stopping [starting]: nothing
        stopping + timer: stopping [starting]: nothing
        stopping + done: observing [starting]: observe
        stopping + failed: abandoningRestart [starting]: finish
        stopping + stopping: failed [failed]: resolve [1] failed
        abandoningRestart + same record: abandoningRestart [starting]: nothing
        abandoningRestart + changed record: abandoningRestart [waiting]: nothing
        abandoningRestart + no record: abandoningRestart [starting]: nothing
        abandoningRestart + noticed: abandoningRestart then noticed [starting]: nothing
        abandoningRestart + requested: abandoningRestart then requested [starting]: nothing
        abandoningRestart + restart: abandoningRestart then restart [starting]: nothing
        abandoningRestart + removal: abandoningRestart [starting]: resolve [2] ok
        abandoningRestart + pass: nothing: abandoningRestart [starting]: nothing
        abandoningRestart + pass: runs: abandoningRestart [starting]: nothing
        abandoningRestart + pass: stopped: abandoningRestart [starting]: nothing
        abandoningRestart + pass: other form: abandoningRestart [starting]: nothing
        abandoningRestart + exited: abandoningRestart [starting]: nothing
        abandoningRestart + gone: abandoningRestart [starting]: nothing
        abandoningRestart + timer: abandoningRestart [starting]: nothing
        abandoningRestart + done: failed [failed]: report [1] failed, resolve [1] failed
        abandoningRestart + failed: failed [failed]: report [1] failed, resolve [1] failed
        abandoningRestart + stopping: failed [failed]: resolve [1] failed
        removing + same record: removing [waiting]: nothing
        removing + changed record: removing [waiting]: nothing
        removing + no record: removing [deleting]: nothing
        removing + noticed: removing [deleting]: resolve [2] ok
        removing + requested: removing [deleting]: resolve [2] ok
        removing + restart: removing [deleting]: resolve [2] ok
        removing + removal: removing [deleting]: nothing
        removing + pass: nothing: removing [deleting]: nothing
        removing + pass: runs: removing [deleting]: nothing
        removing + pass: stopped: removing [deleting]: nothing
        removing + pass: other form: removing [deleting]: nothing
        removing + exited: removing [deleting]: nothing
        removing + gone: removing [deleting]: nothing
        removing + timer: removing [deleting]: nothing
        removing + done: waiting [deleting]: report [1] removed, resolve [1] ok, forget
        removing + failed: removalFailed [deleting]: log notRemoved, report [1] deleting, timer 1 in 0.5 seconds, resolve [1] failed
        removing + stopping: failed [deleting]: resolve [1] failed
        finishingRemoval + same record: finishing [waiting]: nothing
        finishingRemoval + changed record: finishing [waiting]: nothing
        finishingRemoval + no record: finishing [deleting]: nothing
        finishingRemoval + noticed: finishing [deleting]: resolve [2] ok
        finishingRemoval + requested: finishing [deleting]: resolve [2] ok
        finishingRemoval + restart: finishing [deleting]: resolve [2] ok
        finishingRemoval + removal: finishing [deleting]: nothing
        finishingRemoval + pass: nothing: finishing [deleting]: nothing
        finishingRemoval + pass: runs: finishing [deleting]: nothing
        finishingRemoval + pass: stopped: finishing [deleting]: nothing
        finishingRemoval + pass: other form: finishing [deleting]: nothing
        finishingRemoval + exited: finishing [deleting]: nothing
        finishingRemoval + gone: finishing [deleting]: nothing
        finishingRemoval + timer: finishing [deleting]: nothing
        finishingRemoval + done: waiting [deleting]: report [1] removed, resolve [1] ok, forget
        finishingRemoval + failed: removalFailed [deleting]: log notRemoved, report [1] deleting, timer 1 in 0.5 seconds, resolve [1] failed
        finishingRemoval + stopping: failed [deleting]: resolve [1] failed
        """
}
