// Turns a cloud of atoms by hand: drag to turn, wheel to zoom. atoms: [x, y, z, colour], corners of the box.
function show(canvas, scene) {
  const context = canvas.getContext("2d");
  let yaw = 0.6, pitch = 0.4, zoom = 1;
  const edges = [[0,1],[0,2],[0,4],[1,3],[1,5],[2,3],[2,6],[3,7],[4,5],[4,6],[5,7],[6,7]];
  function place([x, y, z]) {
    const a = Math.cos(yaw) * x + Math.sin(yaw) * y, b = Math.cos(yaw) * y - Math.sin(yaw) * x;
    const up = Math.cos(pitch) * z - Math.sin(pitch) * b, depth = Math.cos(pitch) * b + Math.sin(pitch) * z;
    const scale = zoom * 0.62 * canvas.width / scene.size;
    return [canvas.width / 2 + scale * a, canvas.height / 2 - scale * up, depth, scale];
  }
  function draw() {
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = "#999";
    const corners = scene.corners.map(place);
    for (const [i, j] of edges) {
      context.beginPath();
      context.moveTo(corners[i][0], corners[i][1]);
      context.lineTo(corners[j][0], corners[j][1]);
      context.stroke();
    }
    const atoms = scene.atoms.map(atom => [...place(atom), atom[3]]).sort((a, b) => b[2] - a[2]);
    for (const [x, y, , scale, colour] of atoms) {
      context.beginPath();
      context.arc(x, y, Math.max(1.5, scale * scene.radius), 0, 2 * Math.PI);
      context.fillStyle = colour;
      context.fill();
      context.strokeStyle = "#333";
      context.stroke();
    }
    canvas.dataset.drawn = atoms.length;
  }
  canvas.onpointerdown = event => canvas.setPointerCapture(event.pointerId);
  canvas.onpointermove = event => {
    if (!event.buttons) return;
    yaw += event.movementX / 150;
    pitch += event.movementY / 150;
    draw();
  };
  canvas.onwheel = event => { event.preventDefault(); zoom *= event.deltaY < 0 ? 1.1 : 1 / 1.1; draw(); };
  draw();
}
