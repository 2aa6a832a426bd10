// Perfect negotiation, W3C webrtc section 10.7, word for word: the same lines run in the page on RTCPeerConnection, and in node on ours.
// Nothing is asked here but what both have.

export function negotiate(connection, { polite, send, onError }) {
  let makingOffer = false, ignoreOffer = false, isSettingRemoteAnswerPending = false;
  connection.onnegotiationneeded = async () => {
    try {
      makingOffer = true;
      await connection.setLocalDescription();
      send({ description: { type: connection.localDescription.type, sdp: connection.localDescription.sdp } });
    } catch (error) {
      onError(error);
    } finally {
      makingOffer = false;
    }
  };
  async function takeDescription(description) {
    const readyForOffer = !makingOffer && (connection.signalingState === 'stable' || isSettingRemoteAnswerPending);
    const offerCollision = description.type === 'offer' && !readyForOffer;
    ignoreOffer = !polite && offerCollision;
    if (ignoreOffer) return;
    isSettingRemoteAnswerPending = description.type === 'answer';
    await connection.setRemoteDescription(description);
    isSettingRemoteAnswerPending = false;
    if (description.type !== 'offer') return;
    await connection.setLocalDescription();
    send({ description: { type: connection.localDescription.type, sdp: connection.localDescription.sdp } });
  }
  return async ({ description, candidate }) => {
    try {
      if (description) await takeDescription(description);
      else await connection.addIceCandidate(candidate ?? undefined);
    } catch (error) {
      if (description || !ignoreOffer) onError(error);
    }
  };
}
